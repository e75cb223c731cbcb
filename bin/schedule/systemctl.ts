import { execFile } from 'node:child_process'

import { SyncError } from '../../lib/domain/errors.js'

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

/** Throws CONFIG_INVALID for what systemd does not take for times; where it is not there to ask, all are taken. */
export async function checkCalendar(times: string): Promise<void> {
  const isWrong = await new Promise((resolve) => {
    execFile('systemd-analyze', ['calendar', '--', times], { timeout: patience }, (error) =>
      resolve(typeof error?.code === 'number'),
    )
  })
  if (!isWrong) return
  throw new SyncError('CONFIG_INVALID', `${JSON.stringify(times)} are no times of systemd.`, {
    remedy:
      "Write them as '*-*-* 03:00:00' or 'Mon..Fri 06:30'; systemd-analyze calendar shows what they come to.",
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
