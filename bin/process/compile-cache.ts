import { existsSync, lstatSync, mkdirSync, realpathSync } from 'node:fs'
import module from 'node:module'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'

/**
 * Lets Node 22.1 and later keep what they compiled for the next start, in a folder of this user; Node 20 compiles at each start. Node runs
 * what lies in the folder as if it were our code, and its own choice is a folder below /tmp, which any user of the machine can create first.
 */
export function enableCompileCache(): void {
  const enable: unknown = Reflect.get(module, 'enableCompileCache')
  if (typeof enable !== 'function') return
  const folder = privateFolder()
  if (folder !== undefined) Reflect.apply(enable, module, [folder])
}

/** `~/.cache/chatwoot-sync`, created where it is missing. Undefined where another user can write in it, or can put another one in its place. */
function privateFolder(): string | undefined {
  const user = process.getuid?.()
  // Windows has no such owners and modes.
  if (user === undefined) return undefined
  const given = process.env['XDG_CACHE_HOME']
  const cache = given?.startsWith('/') ? given : join(homedir(), '.cache')
  try {
    const folder = withoutLinks(join(cache, 'chatwoot-sync'))
    if (!foldersAbove(folder).every((above) => isClosed(above, user))) return undefined
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const { uid, mode } = lstatSync(folder)
    return uid === user && (mode & 0o077) === 0 ? folder : undefined
  } catch {
    // Without a home, or where it cannot be written, everything is compiled at each start.
    return undefined
  }
}

/** The same place by a path without links, whose owners could let them lead elsewhere. What does not exist yet is appended as it is. */
function withoutLinks(path: string): string {
  return existsSync(path) ? realpathSync(path) : join(withoutLinks(dirname(path)), basename(path))
}

/** Those that exist. */
function foldersAbove(path: string): string[] {
  const parent = dirname(path)
  if (parent === path) return []
  return existsSync(parent) ? [...foldersAbove(parent), parent] : foldersAbove(parent)
}

/** Whether nobody but this user and root can replace what this user owns in the folder. */
function isClosed(folder: string, user: number): boolean {
  const { uid, mode } = lstatSync(folder)
  const isSticky = (mode & 0o1000) !== 0
  return (uid === 0 || uid === user) && ((mode & 0o022) === 0 || isSticky)
}
