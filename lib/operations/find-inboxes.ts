import { inboxesNamed, inboxNames } from '../chatwoot/inboxes.js'
import { SyncError } from '../domain/errors.js'
import { defaults } from '../options.js'
import { openSession, type DatabaseHandle } from '../postgres/driver/connect.js'
import { compile } from '../postgres/driver/statement.js'

/**
 * The ids of the inboxes with these names in the source, for the option `inboxes`; several accounts may have inboxes of one name. It costs one
 * connection. Throws CONFIG_INVALID for a name that no inbox has, and what `openSession` throws.
 *
 * @example
 * const inboxes = await findInboxes({ source, names: ['Suporte'] })
 */
export async function findInboxes({
  source,
  names,
}: {
  readonly source: DatabaseHandle
  readonly names: readonly string[]
}): Promise<number[]> {
  const { connectTimeout } = defaults
  await using session = await openSession('source', source, {
    applicationName: 'chatwoot-sync inboxes',
    connectTimeout,
  })
  const found = await session.rows(compile(inboxesNamed(names)))
  const missing = names.filter((name) => found.every((inbox) => inbox.name !== name))
  if (missing.length === 0) return found.map(({ id }) => id)
  const known = (await session.rows(compile(inboxNames))).map(({ name }) => JSON.stringify(name))
  throw new SyncError(
    'CONFIG_INVALID',
    `No inbox is named ${missing.map((name) => JSON.stringify(name)).join(', ')}.`,
    {
      remedy: `There are: ${known.slice(0, 30).join(', ')}${known.length > 30 ? ' and others' : ''}.`,
      details: { missing },
    },
  )
}
