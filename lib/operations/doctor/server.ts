import { isConnectedDirectly } from '../../postgres/control/run-start.js'
import { targetPooled } from '../../postgres/driver/driver-error.js'
import { readServerVersion, type ServerVersion } from '../../postgres/driver/server-version.js'
import type { Session, Side } from '../../postgres/driver/session.js'
import { readStandby } from '../../postgres/source/standby.js'
import { critical, failed, ok, warning, type Check } from './check.js'

/** The releases of PostgreSQL that are tested; older ones have no `pg_current_snapshot`. */
const oldest = 13
const newest = 18

/** Whether this release of PostgreSQL is supported, and whether the encoding of the database can hold every text. */
export async function checkVersion(session: Session): Promise<Check[]> {
  const version = await readServerVersion(session)
  return [releaseOf(session.side, version), ...encodingOf(session.side, version)]
}

function releaseOf(side: Side, { major, text }: ServerVersion): Check {
  const name = `${side}-version`
  const message = `The ${side} runs PostgreSQL ${text}.`
  if (major < oldest) return critical(name, message, `Use PostgreSQL ${oldest} or later.`)
  if (major <= newest) return ok(name, message)
  return warning(name, message, `Only releases ${oldest} to ${newest} are tested: watch the first runs.`)
}

function encodingOf(side: Side, { encoding }: ServerVersion): Check[] {
  const name = `${side}-encoding`
  if (encoding === 'UTF8' || encoding === '') return []
  const message = `The ${side} has the encoding ${encoding}`
  if (side === 'target') {
    return [
      warning(
        name,
        `${message}, which lacks characters that texts can have, such as emoji; rows with them are rejected.`,
        'Move the tables to a database that was created with: encoding UTF8 template template0.',
      ),
    ]
  }
  if (encoding !== 'SQL_ASCII') return [ok(name, `${message}; texts are converted to UTF-8.`)]
  return [
    warning(
      name,
      `${message}, so that a text can hold bytes that are not UTF-8; such texts cannot be loaded.`,
      'Correct such texts, or leave their columns out with --exclude-column.',
    ),
  ]
}

/** Whether the source is a primary or a standby, and how far behind. */
export async function checkMode(source: Session): Promise<Check[]> {
  const name = 'source-mode'
  const { isStandby, secondsBehind, hasFeedback } = await readStandby(source)
  if (!isStandby) return [ok(name, 'The source is a primary.')]
  const lag =
    secondsBehind === null
      ? 'it has not replayed a commit yet'
      : `its last replayed commit is ${secondsBehind} s old`
  const message = `The source is a standby; ${lag}.`
  if (hasFeedback) return [ok(name, message)]
  return [
    warning(
      name,
      `${message} Its primary may remove rows that a long read still needs.`,
      'If long reads are cancelled there, set hot_standby_feedback = on, or read from the primary.',
    ),
  ]
}

/** Whether a pooler is in front of the target, through which runs fail with TARGET_POOLED. */
export async function checkPooler(target: Session): Promise<Check[]> {
  const name = 'target-pooler'
  if (!(await isConnectedDirectly(target))) return [failed(name, targetPooled())]
  return [ok(name, 'No pooler was detected in front of the target.')]
}
