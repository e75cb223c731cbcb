import { execFile } from 'node:child_process'

import { SyncError } from '../../lib/domain/errors.js'

export type Scope = 'system' | 'user'

/** Milliseconds; it only talks to a process on the same host. */
const timeout = 60_000

/** The output of `systemctl`. Throws CONFIG_INVALID when it is missing or fails. */
export async function systemctl(scope: Scope, args: readonly string[]): Promise<string> {
  const all = [...(scope === 'user' ? ['--user'] : []), '--no-pager', ...args]
  return new Promise((resolve, reject) => {
    execFile('systemctl', all, { timeout }, (error, stdout, stderr) => {
      if (!error) resolve(stdout)
      else reject(callFailed(all, error.code === 'ENOENT' ? 'it is not installed' : firstLine(stderr), error))
    })
  })
}

/** Throws CONFIG_INVALID for times that systemd cannot parse. Without systemd-analyze nothing is checked. */
export async function checkCalendar(times: string): Promise<void> {
  const isWrong = await new Promise((resolve) => {
    execFile('systemd-analyze', ['calendar', '--', times], { timeout }, (error) =>
      resolve(typeof error?.code === 'number'),
    )
  })
  if (!isWrong) return
  throw new SyncError('CONFIG_INVALID', `${JSON.stringify(times)} is not a systemd calendar expression.`, {
    remedy:
      "Write it as '*-*-* 03:00:00' or 'Mon..Fri 06:30'; systemd-analyze calendar shows when it elapses.",
  })
}

function callFailed(args: readonly string[], said: string, cause: unknown): SyncError {
  return new SyncError('CONFIG_INVALID', `systemctl ${args.join(' ')} failed: ${said}.`, {
    remedy: 'Run it as root, use --user, or use cron: chatwoot-sync schedule print --cron.',
    cause,
  })
}

function firstLine(text: string): string {
  return (text.trim().split('\n')[0] ?? '').replace(/\.$/, '') || 'it printed no reason'
}
