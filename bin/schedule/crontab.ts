import { SyncError } from '../../lib/domain/errors.js'
import { shellQuoted } from '../../lib/domain/shell-word.js'

export interface CrontabOptions {
  readonly command: readonly string[]
  /** Further arguments of sync. (Default: none.) */
  readonly extra?: readonly string[] | undefined
  /** Five fields. (Default: `0 3 * * *`, every day at 03:00 in the host's time zone.) */
  readonly times?: string | undefined
  /** Settings file. (Default: /etc/chatwoot-sync/environment.) */
  readonly environmentFile?: string | undefined
  /** Folder for log files. (Default: /var/log/chatwoot-sync.) */
  readonly logDirectory?: string | undefined
}

/**
 * Lines for `crontab`: one that syncs, and one that checks health every hour and sends alerts, because it notices when the first does not run.
 * Throws CONFIG_INVALID for text that a crontab cannot hold.
 */
export function crontabLines({
  command,
  extra = [],
  times = '0 3 * * *',
  environmentFile = '/etc/chatwoot-sync/environment',
  logDirectory = '/var/log/chatwoot-sync',
}: CrontabOptions): string {
  const common = ['--quiet', '--env', environmentFile, '--log-dir', logDirectory]
  const sync = [...command, 'sync', '--triggered-by', 'scheduler', ...common, ...extra]
  const health = [...command, 'health', '--alert', ...common]
  const wrong = [...sync, ...health, times].find((text) => /[\p{Cc}]/u.test(text))
  if (wrong !== undefined) throw invalid(`${JSON.stringify(wrong)} contains a line break`)
  if (times.trim().split(/\s+/).length !== 5)
    throw invalid(`${JSON.stringify(times)} does not have five fields`)
  return `# Written by chatwoot-sync schedule. A lock prevents overlapping runs; cron mails errors.
${times.trim()} ${sync.map(quoted).join(' ')}
20 * * * * ${health.map(quoted).join(' ')}
`
}

/** One word for the shell; cron takes a bare percent sign as the end of the line. */
function quoted(word: string): string {
  const safe = /^[\w@+=:,./%-]+$/.test(word) ? word : shellQuoted(word)
  return safe.replaceAll('%', '\\%')
}

function invalid(what: string): SyncError {
  return new SyncError('CONFIG_INVALID', `${what}.`, {
    remedy: 'Write the times as 0 3 * * * for every day at 03:00.',
  })
}
