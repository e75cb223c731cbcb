import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'

import { SyncError } from '../../lib/domain/errors.js'

/**
 * Throws CONFIG_INVALID for a program that systemd's dynamic user cannot reach, such as one in a home folder closed to others: the service
 * would fail each night. A path that does not exist yet is not checked.
 */
export async function requireReachable(command: readonly string[]): Promise<void> {
  for (const word of command.filter((each) => each.startsWith('/'))) {
    const closed = await closedPart(word)
    if (closed === undefined) continue
    const where = closed === word ? '' : `, because ${closed} is closed to them`
    throw new SyncError('CONFIG_INVALID', `Other users cannot run ${word}${where}.`, {
      remedy:
        'Install Node and chatwoot-sync for all users, for example in /opt, name a user with --run-as, or use --user.',
    })
  }
}

/** The first folder of the path that others cannot enter, or the file itself if they cannot read it. */
async function closedPart(file: string): Promise<string | undefined> {
  for (const part of [...foldersOf(file), file]) {
    const found = await stat(part).catch(() => undefined)
    const needed = found?.isDirectory() ? 0o001 : 0o004
    if (found && (found.mode & needed) === 0) return part
  }
  return undefined
}

/** From the root down. */
function foldersOf(path: string): string[] {
  const folder = dirname(path)
  return folder === path ? [] : [...foldersOf(folder), folder]
}
