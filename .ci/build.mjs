// Compiles lib, bin and db into an empty dist. The .sql files go along, so that `new URL('../../db/x.sql', import.meta.url)` finds
// the same file from lib/x and from dist/lib/x.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
rmSync('dist', { recursive: true, force: true })

const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc')
const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)

cpSync('db', 'dist/db', {
  recursive: true,
  filter: (path) => statSync(path).isDirectory() || path.endsWith('.sql'),
})

// npm makes it executable at install; this is for a checkout that is linked or run by its path.
const command = 'dist/bin/chatwoot-sync.js'
if (existsSync(command)) chmodSync(command, 0o755)
