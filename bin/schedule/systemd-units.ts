import { SyncError } from '../../lib/domain/errors.js'

export interface ScheduleOptions {
  /** The program and its first arguments, absolute: `['/usr/bin/node', '/opt/.../chatwoot-sync.cjs']`. */
  readonly command: readonly string[]
  /** Arguments after those that a scheduled run has anyway. (Default: none.) */
  readonly extra?: readonly string[] | undefined
  /** As `OnCalendar=` of systemd. (Default: every day at 03:00 by the clock of the host.) */
  readonly calendar?: string | undefined
  /** `user` runs it as a service of the user, without root. (Default: system.) */
  readonly scope?: 'system' | 'user' | undefined
  /** User of a system service. (Default: one that systemd makes up, so that nobody has to be created.) */
  readonly runAs?: string | undefined
  /** File with the settings, absolute. (Default: /etc/chatwoot-sync/environment; of a user %E/chatwoot-sync/environment.) */
  readonly environmentFile?: string | undefined
  /** Folder of the unit files, for the comment above each. (Default: /etc/systemd/system; of a user ~/.config/systemd/user.) */
  readonly shownDirectory?: string | undefined
}

export interface UnitFile {
  readonly name: string
  readonly content: string
}

export const unitNames = ['chatwoot-sync', 'chatwoot-sync-health'] as const

/**
 * A service and a timer that sync, and another pair that tells people every hour what is wrong: it is the one that notices when the
 * first does nothing. Throws CONFIG_INVALID for what cannot stand in a unit file.
 */
export function systemdUnits(options: ScheduleOptions): readonly UnitFile[] {
  const { calendar = '*-*-* 03:00:00', extra = [] } = options
  refuseLineBreaks(options)
  const sync = ['sync', '--triggered-by', 'scheduler', '--quiet', '--log-dir', '%L/chatwoot-sync', ...extra]
  const health = ['health', '--alert', '--quiet', '--log-dir', '%L/chatwoot-sync']
  return [
    {
      name: 'chatwoot-sync.service',
      content: service(options, 'Bring what changed in Chatwoot into the analytics table', sync, runSettings),
    },
    { name: 'chatwoot-sync.timer', content: timer(options, 'chatwoot-sync', calendar) },
    {
      name: 'chatwoot-sync-health.service',
      content: service(options, 'Tell people when chatwoot-sync is not well', health, healthSettings),
    },
    { name: 'chatwoot-sync-health.timer', content: timer(options, 'chatwoot-sync-health', '*-*-* *:20:00') },
  ]
}

/** 2 is a wrong setting, which no second try mends; 3 says that another run is at work, which is as good. */
const runSettings = `SuccessExitStatus=3
Restart=on-failure
RestartSec=5min
RestartPreventExitStatus=2
TimeoutStartSec=infinity
TimeoutStopSec=30s`

/** 4 says that something is wrong: then `systemctl --failed` shows it too. */
const healthSettings = 'TimeoutStartSec=5min'

function service(
  { command, environmentFile, scope = 'system', runAs, ...options }: ScheduleOptions,
  description: string,
  args: readonly string[],
  settings: string,
): string {
  const file =
    environmentFile ?? (scope === 'user' ? '%E/chatwoot-sync/environment' : '/etc/chatwoot-sync/environment')
  // %L belongs to the service; what comes from outside stands for itself.
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
EnvironmentFile=${escaped(file, environmentFile !== undefined)}
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
  return `# Written by chatwoot-sync schedule, for ${directory}: a ${kind.slice(1)} of the ${scope}.`
}

/** Works without root. MemoryDenyWriteExecute is left out: Node compiles what it runs. */
const sandbox = `UMask=0077
NoNewPrivileges=true
LockPersonality=true
RestrictRealtime=true
RestrictSUIDSGID=true
SystemCallArchitectures=native`

/** Both services have one user, as they share the folder of the logs. AF_NETLINK is how names of hosts are looked up. Node may be installed below /home, so that is read-only rather than hidden. */
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

/** One word of ExecStart, which stands for itself. */
function quoted(word: string): string {
  const plain = escaped(word, true).replaceAll('$', '$$$$')
  return /^[\w@%+=:,./$-]+$/.test(plain) ? plain : `"${plain.replaceAll(/["\\]/g, '\\$&')}"`
}

/** `%` begins a specifier of systemd. */
function escaped(text: string, isForeign: boolean): string {
  return isForeign ? text.replaceAll('%', '%%') : text
}

function refuseLineBreaks({ command, extra = [], calendar, runAs, environmentFile }: ScheduleOptions): void {
  const texts = [...command, ...extra, calendar ?? '-', runAs ?? '-', environmentFile ?? '/']
  const wrong = texts.find((text) => /[\p{Cc}]/u.test(text) || text.trim() === '')
  if (wrong !== undefined) throw invalid(wrong, 'is empty or holds a line break')
  const program = command[0] ?? ''
  if (!program.startsWith('/')) throw invalid(program, 'is no absolute path of a program')
  if (environmentFile !== undefined && !environmentFile.startsWith('/'))
    throw invalid(environmentFile, 'is no absolute path of a file')
}

function invalid(text: string, what: string): SyncError {
  return new SyncError('CONFIG_INVALID', `${JSON.stringify(text)} ${what}.`, {
    remedy: 'Correct it: it goes into a unit file.',
  })
}
