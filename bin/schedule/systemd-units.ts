import { SyncError } from '../../lib/domain/errors.js'

export interface ScheduleOptions {
  /** The program and its first arguments, absolute: `['/usr/bin/node', '/opt/.../chatwoot-sync.cjs']`. */
  readonly command: readonly string[]
  /** Further arguments of sync. (Default: none.) */
  readonly extra?: readonly string[] | undefined
  /** As in `OnCalendar=`. (Default: every day at 03:00 in the host's time zone.) */
  readonly calendar?: string | undefined
  /** `user` installs it for the current user, without root. (Default: system.) */
  readonly scope?: 'system' | 'user' | undefined
  /** User of a system service. (Default: a dynamic user of systemd, so that no account has to be created.) */
  readonly runAs?: string | undefined
  /** Settings file, absolute. (Default: /etc/chatwoot-sync/environment; for a user %E/chatwoot-sync/environment.) */
  readonly environmentFile?: string | undefined
  /** Folder of the unit files, for the comment in each. (Default: /etc/systemd/system; for a user ~/.config/systemd/user.) */
  readonly shownDirectory?: string | undefined
}

export interface UnitFile {
  readonly name: string
  readonly content: string
}

export const unitNames = ['chatwoot-sync', 'chatwoot-sync-health'] as const

/**
 * A service and a timer that sync, and another pair that checks health every hour and sends alerts: it notices when the first does not run.
 * Throws CONFIG_INVALID for text that a unit file cannot hold.
 */
export function systemdUnits(options: ScheduleOptions): readonly UnitFile[] {
  const { calendar = '*-*-* 03:00:00', extra = [] } = options
  rejectLineBreaks(options)
  const sync = ['sync', '--triggered-by', 'scheduler', '--quiet', '--log-dir', '%L/chatwoot-sync', ...extra]
  const health = ['health', '--alert', '--quiet', '--log-dir', '%L/chatwoot-sync']
  return [
    {
      name: 'chatwoot-sync.service',
      content: service(options, 'Copy what changed in Chatwoot to the analytics table', sync, runSettings),
    },
    { name: 'chatwoot-sync.timer', content: timer(options, 'chatwoot-sync', calendar) },
    {
      name: 'chatwoot-sync-health.service',
      content: service(options, 'Check the health of chatwoot-sync and send alerts', health, healthSettings),
    },
    { name: 'chatwoot-sync-health.timer', content: timer(options, 'chatwoot-sync-health', '*-*-* *:20:00') },
  ]
}

/** Exit code 2 is a wrong setting, which a retry does not fix; 3 means that another run is running, which is no failure. */
const runSettings = `SuccessExitStatus=3
Restart=on-failure
RestartSec=5min
RestartPreventExitStatus=2
TimeoutStartSec=infinity
TimeoutStopSec=30s`

/** Exit code 4 means that something is critical: `systemctl --failed` then shows it too. */
const healthSettings = 'TimeoutStartSec=5min'

function service(
  { command, environmentFile, scope = 'system', runAs, ...options }: ScheduleOptions,
  description: string,
  args: readonly string[],
  settings: string,
): string {
  const usualFile = scope === 'user' ? '%E/chatwoot-sync/environment' : '/etc/chatwoot-sync/environment'
  const file = environmentFile === undefined ? usualFile : escapePercent(environmentFile)
  // %L is a specifier of the unit; other words are escaped.
  const words = [...command.map(quoted), ...args.map((arg) => (arg.startsWith('%L') ? arg : quoted(arg)))]
  return `${heading(scope, options.shownDirectory, '.service')}
[Unit]
Description=${description}
Wants=network-online.target
After=network-online.target postgresql.service
StartLimitIntervalSec=1h
StartLimitBurst=4

[Service]
Type=oneshot
ExecStart=${words.join(' ')}
EnvironmentFile=${file}
LogsDirectory=chatwoot-sync
LogsDirectoryMode=0750
${settings}
${scope === 'user' ? sandbox : systemSandbox(runAs)}
`
}

function timer(
  { scope = 'system', shownDirectory }: ScheduleOptions,
  name: string,
  calendar: string,
): string {
  return `${heading(scope, shownDirectory, '.timer')}
[Unit]
Description=When ${name}.service runs

[Timer]
OnCalendar=${calendar}
Persistent=true
AccuracySec=1min
Unit=${name}.service

[Install]
WantedBy=timers.target
`
}

function heading(scope: 'system' | 'user', shown: string | undefined, kind: string): string {
  const directory = shown ?? (scope === 'user' ? '~/.config/systemd/user' : '/etc/systemd/system')
  return `# Written by chatwoot-sync schedule, for ${directory}: a ${scope} ${kind.slice(1)}.`
}

/** These work without root. MemoryDenyWriteExecute is left out, because Node's compiler needs it. */
const sandbox = `UMask=0077
NoNewPrivileges=true
LockPersonality=true
RestrictRealtime=true
RestrictSUIDSGID=true
SystemCallArchitectures=native`

/** Both services share a user, because they share the log folder. Looking up host names needs AF_NETLINK. Node may be installed in /home, so it is read-only rather than hidden. */
function systemSandbox(runAs: string | undefined): string {
  return `${runAs === undefined ? 'DynamicUser=true\nUser=chatwoot-sync' : `User=${runAs}`}
${sandbox}
ProtectSystem=strict
ProtectHome=read-only
ProtectProc=invisible
ProtectClock=true
ProtectHostname=true
ProtectKernelLogs=true
ProtectKernelModules=true
ProtectKernelTunables=true
ProtectControlGroups=true
PrivateTmp=true
PrivateDevices=true
RestrictNamespaces=true
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
CapabilityBoundingSet=
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM`
}

/** One word of ExecStart, without special meaning. */
function quoted(word: string): string {
  const plain = escapePercent(word).replaceAll('$', '$$$$')
  return /^[\w@%+=:,./$-]+$/.test(plain) ? plain : `"${plain.replaceAll(/["\\]/g, '\\$&')}"`
}

/** A bare `%` begins a specifier of systemd. */
function escapePercent(text: string): string {
  return text.replaceAll('%', '%%')
}

function rejectLineBreaks({ command, extra = [], calendar, runAs, environmentFile }: ScheduleOptions): void {
  const texts = [...command, ...extra, calendar ?? '-', runAs ?? '-', environmentFile ?? '/']
  const wrong = texts.find((text) => /[\p{Cc}]/u.test(text) || text.trim() === '')
  if (wrong !== undefined) throw invalid(wrong, 'is empty or contains a line break')
  const program = command[0] ?? ''
  if (!program.startsWith('/')) throw invalid(program, 'is not the absolute path of a program')
  if (environmentFile !== undefined && !environmentFile.startsWith('/'))
    throw invalid(environmentFile, 'is not the absolute path of a file')
}

function invalid(text: string, what: string): SyncError {
  return new SyncError('CONFIG_INVALID', `${JSON.stringify(text)} ${what}.`, {
    remedy: 'Correct it; it becomes part of a unit file.',
  })
}
