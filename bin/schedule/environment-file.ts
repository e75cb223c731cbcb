import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

import { SyncError } from '../../lib/domain/errors.js'
import { databasesOf } from '../flags/databases.js'
import { dotenvLine, parseDotenv } from '../flags/dotenv.js'
import type { SettingsFile } from '../flags/settings-file.js'

type Values = Readonly<Record<string, string>>

export interface EnvironmentFile {
  /** It was just written. */
  readonly isNew: boolean
  /** The file whose settings were copied into it; null where it was left as it is, or has none yet. */
  readonly copiedFrom: string | null
  /** Why no run can work with it; null where one can. */
  readonly problem: string | null
}

/**
 * Ensures that the settings file of the service exists and that nobody else can read it: a missing one is written with the settings of `from`,
 * mode 600, in a folder with mode 700; one in which nothing is filled in yet gets them too. Throws CONFIG_INVALID for one that others can read or
 * that cannot be written.
 */
export async function requireEnvironmentFile(
  path: string,
  from?: Pick<SettingsFile, 'path' | 'values'>,
): Promise<EnvironmentFile> {
  const settings = ownSettings(from?.values ?? {})
  const hasSettings = Object.keys(settings).length > 0
  const copied = {
    copiedFrom: from && hasSettings ? resolve(from.path) : null,
    problem: problemWith(settings),
  }
  if (await writeNew(path, contentWith(settings))) return { isNew: true, ...copied }
  await requireClosed(path)
  const present = ownSettings(parseDotenv(await readFile(path, 'utf8')).values)
  if (Object.keys(present).length > 0 || !hasSettings) {
    return { isNew: false, copiedFrom: null, problem: problemWith(present) }
  }
  await writeFile(path, contentWith(settings))
  return { isNew: false, ...copied }
}

async function writeNew(path: string, content: string): Promise<boolean> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await writeFile(path, content, { mode: 0o600, flag: 'wx' })
    return true
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    if (error.code !== 'EEXIST') throw unusable(path, String(error.code), error)
    return false
  }
}

async function requireClosed(path: string): Promise<void> {
  const { mode } = await stat(path)
  if (mode & 0o077) {
    throw new SyncError('CONFIG_INVALID', `Other users can read ${path}, which holds passwords.`, {
      remedy: `Run chmod 600 ${path}, then this command again.`,
    })
  }
}

/** Those that this package reads and that are filled in; other programs may have theirs in the same file. Ports have a default. */
function ownSettings(values: Values): Values {
  const own = Object.entries(values).filter(
    ([name, value]) => /^(SOURCE|LOCAL|CHATWOOT_SYNC|ALERT)_/.test(name) && value.trim() !== '',
  )
  return own.every(([name, value]) => name.endsWith('_DB_PORT') && value === '5432')
    ? {}
    : Object.fromEntries(own)
}

function problemWith(settings: Values): string | null {
  // An empty password is one: it may not be needed.
  const passwords = { SOURCE_DB_PASSWORD: '', LOCAL_DB_PASSWORD: '' }
  try {
    databasesOf(['source', 'target'], { ...passwords, ...settings })
    return null
  } catch (error) {
    if (error instanceof SyncError) return error.message.replace(` ${error.remedy ?? ''}`, '')
    throw error
  }
}

/** The template with these settings in it. A service has another working folder, so paths are absolute. */
function contentWith(settings: Values): string {
  const absolute = Object.entries(settings).map(([name, value]): [string, string] => [
    name,
    /_DB_SSL(ROOTCERT|CERT|KEY)$/.test(name) ? resolve(value) : value,
  ])
  const lines = new Map(absolute.map(([name, value]) => [name, dotenvLine(name, value)]))
  const filled = template.replaceAll(/^#?([A-Z_]+)=.*$/gm, (line, name: string) => {
    const own = lines.get(name)
    lines.delete(name)
    return own ?? line
  })
  return filled + [...lines.values()].map((line) => `${line}\n`).join('')
}

function unusable(path: string, code: string, cause: unknown): SyncError {
  return new SyncError('CONFIG_INVALID', `${path} cannot be written: ${code}.`, {
    remedy: 'Run it as root, use --user, or name another file.',
    cause,
  })
}

const template = `# Settings of chatwoot-sync, one per line. Put values with #, spaces or quotes in double quotes, with \\ before each \\ and ". Keep the file mode 600.
SOURCE_DB_HOST=
SOURCE_DB_PORT=5432
SOURCE_DB_NAME=
SOURCE_DB_USER=
SOURCE_DB_PASSWORD=
#SOURCE_DB_SSLMODE=verify-full
LOCAL_DB_HOST=
LOCAL_DB_PORT=5432
LOCAL_DB_NAME=
LOCAL_DB_USER=
LOCAL_DB_PASSWORD=
#LOCAL_DB_SSLMODE=verify-full
#LOCAL_DB_SCHEMA=loja_centro
# Address at which people open Chatwoot, for conversation_url.
#CHATWOOT_URL=
# Personal data that must not leave Chatwoot: names of columns, with commas.
#CHATWOOT_SYNC_EXCLUDE_COLUMNS=
#CHATWOOT_SYNC_HASH_COLUMNS=
#CHATWOOT_SYNC_HASH_SECRET=
#CHATWOOT_SYNC_MASK_COLUMNS=
#CHATWOOT_SYNC_KEEP_KEYS=
#CHATWOOT_SYNC_INCLUDE_COLUMNS=
#CHATWOOT_SYNC_MESSAGE_TEXTS=false
# Channels for alerts; without any of these no alerts are sent.
#ALERT_SLACK_WEBHOOK_URL=
#ALERT_WEBHOOK_URL=
#ALERT_SMTP_URL=
#ALERT_MAIL_FROM=
#ALERT_MAIL_TO=
#ALERT_LANGUAGE=en
`
