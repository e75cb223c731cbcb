import { mkdir, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

import { SyncError } from '../../lib/domain/errors.js'

/**
 * Ensures that the settings file exists and that nobody else can read it: a missing one is written with empty settings, mode 600, in a folder
 * with mode 700. Returns whether it was written. Throws CONFIG_INVALID for one that others can read or that cannot be written.
 */
export async function requireEnvironmentFile(path: string): Promise<boolean> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await writeFile(path, template, { mode: 0o600, flag: 'wx' })
    return true
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    if (error.code !== 'EEXIST') throw unusable(path, String(error.code), error)
  }
  const { mode } = await stat(path)
  if (mode & 0o077) {
    throw new SyncError('CONFIG_INVALID', `Other users can read ${path}, which holds passwords.`, {
      remedy: `Run chmod 600 ${path}, then this command again.`,
    })
  }
  return false
}

function unusable(path: string, code: string, cause: unknown): SyncError {
  return new SyncError('CONFIG_INVALID', `${path} cannot be written: ${code}.`, {
    remedy: 'Run it as root, use --user, or name another file.',
    cause,
  })
}

const template = `# Settings of chatwoot-sync, one per line. Put values with #, \\ or spaces in single quotes. Keep the file mode 600.
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
