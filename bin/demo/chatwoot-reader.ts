import pg from 'pg'

import { SyncError } from '../../lib/domain/errors.js'
import { runDemoScripts, withDemoSession } from './chatwoot-session.js'

export interface Reader {
  readonly user: string
  /** Given to the role even if that exists already. */
  readonly password: string
}

/**
 * Lets a role, created if need be, read a source that `createChatwootSource` has made, and nothing more: SELECT on the tables, on users and
 * contact_inboxes only on the columns without secrets, no temporary tables. What the role could do before, it still can.
 *
 * The URL must be a superuser's. Throws CONFIG_INVALID for a role that administers the server, SOURCE_FAILED when the server refuses.
 *
 * @example await grantReader(cluster.url('chatwoot'), { user: 'reader', password })
 */
export async function grantReader(url: string, { user, password }: Reader): Promise<void> {
  await withDemoSession(url, { 'demo.user': user, 'demo.password': password }, async (client) => {
    await refuseAdministrator(client, user)
    try {
      await runDemoScripts(client, ['reader'])
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error
      // Without its cause: the context that the server adds quotes the statement, password included.
      throw new SyncError('SOURCE_FAILED', `The role ${user} could not be let in: ${error.message}.`, {
        remedy: 'Connect as a superuser to a database made by createChatwootSource.',
        details: { sqlState: error.code ?? null },
      })
    }
  })
}

async function refuseAdministrator(client: pg.Client, user: string): Promise<void> {
  const { rowCount } = await client.query(
    `select
     from pg_catalog.pg_roles
     where rolname = $1::text and (rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)`,
    [user],
  )
  if (!rowCount) return
  throw new SyncError(
    'CONFIG_INVALID',
    `The role ${user} administers this server, so it is no mere reader.`,
    {
      remedy: 'Name another role.',
    },
  )
}
