import { execFile } from 'node:child_process'

import { SyncError } from '../../domain/errors.js'

export type Scope = 'system' | 'user'

/** Milliseconds; it only talks to a process on the same host. */
const patience = 60_000

/** What `systemctl` prints. Throws CONFIG_INVALID when it is missing or refuses. */
export async function systemctl(scope: Scope, args: readonly string[]): Promise<string> {
  const all = [...(scope === 'user' ? ['--user'] : []), '--no-pager', ...args]
  return new Promise((resolve, reject) => {
    execFile('systemctl', all, { timeout: patience }, (error, stdout, stderr) => {
      if (!error) resolve(stdout)
      else reject(refused(all, error.code === 'ENOENT' ? 'it is not installed' : firstLine(stderr), error))
    })
  })
}

function refused(args: readonly string[], said: string, cause: unknown): SyncError {
  return new SyncError('CONFIG_INVALID', `systemctl ${args.join(' ')} failed: ${said}.`, {
    remedy: 'Run it as root, or use --user, or use cron: chatwoot-sync schedule print --cron.',
    cause,
  })
}

function firstLine(text: string): string {
  return (text.trim().split('\n')[0] ?? '').replace(/\.$/, '') || 'it said nothing'
}
