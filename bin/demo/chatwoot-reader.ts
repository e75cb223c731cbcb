import pg from 'pg'

import { SyncError } from '../../lib/domain/errors.js'
import { runDemoScripts, withDemoSession } from './chatwoot-session.js'

export interface Reader {
  readonly user: string
  /** Set for the role even if it exists already. */
  readonly password: string
}

/**
 * Grants a role, created if necessary, read access to a source made by `createChatwootSource`, and nothing more: SELECT on the tables, on users
 * and contact_inboxes only on the columns without secrets, and no temporary tables. Other rights of the role stay.
 *
 * The URL must be a superuser's. Throws CONFIG_INVALID for a role that administers the server, SOURCE_FAILED when the server rejects it.
 *
 * @example await grantReader(cluster.url('chatwoot'), { user: 'reader', password })
 */
export async function grantReader(url: string, { user, password }: Reader): Promise<void> {
  await withDemoSession(url, { 'demo.user': user, 'demo.password': password }, async (client) => {
    await rejectAdministrator(client, user)
    try {
      await runDemoScripts(client, ['reader'])
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error
      // Without the cause, whose context from the server quotes the statement with the password.
      throw new SyncError('SOURCE_FAILED', `The role ${user} could not be given access: ${error.message}.`, {
        remedy: 'Connect as a superuser to a database made by createChatwootSource.',
        details: { sqlState: error.code ?? null },
      })
    }
  })
}

async function rejectAdministrator(client: pg.Client, user: string): Promise<void> {
  const { rowCount } = await client.query(
    `select
     from pg_catalog.pg_roles
     where rolname = $1::text and (rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)`,
    [user],
  )
  if (!rowCount) return
  throw new SyncError(
    'CONFIG_INVALID',
    `The role ${user} administers this server, so it would not be read-only.`,
    {
      remedy: 'Use another role.',
    },
  )
}
