import { SyncError } from '../../lib/domain/errors.js'

export interface CrontabOptions {
  readonly command: readonly string[]
  /** Arguments after those that a scheduled run has anyway. (Default: none.) */
  readonly extra?: readonly string[] | undefined
  /** Five fields. (Default: `0 3 * * *`, every day at 03:00 by the clock of the host.) */
  readonly times?: string | undefined
  /** File with the settings. (Default: /etc/chatwoot-sync/environment.) */
  readonly environmentFile?: string | undefined
  /** Folder of the log files. (Default: /var/log/chatwoot-sync.) */
  readonly logDirectory?: string | undefined
}

/**
 * Lines for `crontab`: one that syncs, and one that tells people every hour what is wrong, as it notices when the first does nothing.
 * Throws CONFIG_INVALID for what cannot stand there.
 */
export function crontabLines({
  command,
  extra = [],
  times = '0 3 * * *',
  environmentFile = '/etc/chatwoot-sync/environment',
  logDirectory = '/var/log/chatwoot-sync',
}: CrontabOptions): string {
  const everywhere = ['--quiet', '--env', environmentFile, '--log-dir', logDirectory]
  const sync = [...command, 'sync', '--triggered-by', 'scheduler', ...everywhere, ...extra]
  const health = [...command, 'health', '--alert', ...everywhere]
  const wrong = [...sync, ...health, times].find((text) => /[\p{Cc}]/u.test(text))
  if (wrong !== undefined) throw invalid(`${JSON.stringify(wrong)} holds a line break`)
  if (times.trim().split(/\s+/).length !== 5) throw invalid(`${JSON.stringify(times)} is not five fields`)
  return `# Written by chatwoot-sync schedule. Its own lock keeps two runs apart; cron mails what goes wrong.
${times.trim()} ${sync.map(quoted).join(' ')}
20 * * * * ${health.map(quoted).join(' ')}
`
}

/** One word for the shell; cron itself takes a bare percent sign for the end of the line. */
function quoted(word: string): string {
  const safe = /^[\w@+=:,./%-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
  return safe.replaceAll('%', '\\%')
}

function invalid(what: string): SyncError {
  return new SyncError('CONFIG_INVALID', `${what}.`, {
    remedy: 'Write the times as 0 3 * * * for every day at 03:00.',
  })
}
