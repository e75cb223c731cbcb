import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { Script } from 'node:vm'

/**
 * Loads a CommonJS file as `require` does, with what V8 compiled of it when the same command ran before: compiling takes longer than a
 * run without changes. From Node 22.1 on `module.enableCompileCache` does this; here it is for Node 20. It is kept in the cache folder of
 * the account, where nobody else may put code, and under a name that no other program, version of Node or command has, as V8 compares no
 * more than lengths. Where it cannot be kept, each start compiles. What is kept cannot import on its own, so it gets `importOutside`.
 */
export function loadKept(path: string, command: string): unknown {
  const kept = placeOf(path, command)
  const compiled = kept === undefined ? undefined : readIfThere(kept)
  const parameters = 'exports, require, module, __filename, __dirname, importOutside'
  const script = new Script(`(function (${parameters}) {${readFileSync(path, 'utf8')}\n})`, {
    filename: path,
    cachedData: compiled,
  })
  const module = { exports: {} }
  const load: (...given: readonly unknown[]) => void = script.runInThisContext()
  load(module.exports, createRequire(path), module, path, dirname(path), importOutside)
  if (kept !== undefined && (compiled === undefined || script.cachedDataRejected)) {
    // At the end, so that what the command has called is in it.
    process.once('exit', (code) => {
      if (code === 0) keep(kept, script)
    })
  }
  return module.exports
}

const importOutside = (name: string): Promise<unknown> => import(name)

function placeOf(path: string, command: string): string | undefined {
  if (!/^[a-z]+$/.test(command)) return undefined
  const { mtimeMs, size } = statSync(path)
  const folder = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  const name = [command, process.version, process.arch, size, Math.trunc(mtimeMs)].join('-')
  return join(folder, 'chatwoot-sync', name)
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch {
    return undefined
  }
}

/** Instead of what an earlier version has kept. Under another name first, as a command that runs beside this one may read it meanwhile. */
function keep(path: string, script: Script): void {
  const folder = dirname(path)
  const draft = `${path}.${process.pid}`
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    writeFileSync(draft, script.createCachedData(), { mode: 0o600 })
    renameSync(draft, path)
    const isOld = (name: string) =>
      name.split('-')[0] === basename(path).split('-')[0] && name !== basename(path)
    for (const name of readdirSync(folder).filter(isOld)) rmSync(join(folder, name))
  } catch {
    // A folder that cannot be written, or is full, costs time at the next start, and nothing else.
    if (existsSync(draft)) rmSync(draft)
  }
}
