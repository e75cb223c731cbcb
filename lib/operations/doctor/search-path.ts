import { readOpenSchemas, type OpenSchema } from '../../postgres/source/open-schemas.js'
import type { Session, Side } from '../../postgres/driver/session.js'
import { critical, ok, type Check } from './check.js'

/**
 * Whether somebody else can have put functions or operators into a schema of the search path. Our own statements leave such a schema out,
 * but views, triggers and migrations may call what is planted there, with the rights of our role.
 */
export async function checkPath(session: Session): Promise<Check[]> {
  const name = `${session.side}-path`
  const open = await readOpenSchemas(session)
  if (open.length === 0)
    return [ok(name, `Nobody can plant a function on the search path of the ${session.side}.`)]
  return open.map((schema) => critical(name, messageOf(session.side, schema), remedyOf(schema)))
}

function messageOf(side: Side, { schema, isForAll, owners }: OpenSchema): string {
  if (isForAll)
    return `Everybody may create functions in the schema ${schema} of the ${side}, and views and triggers may call them with the rights of this role.`
  return `The schema ${schema} of the ${side} has functions or operators of roles that may not create there: ${owners}.`
}

function remedyOf({ schema, isForAll }: OpenSchema): string {
  if (isForAll)
    return `Have its owner grant it to the roles that create tables there, as Chatwoot does in its own database, and then run: revoke create on schema ${schema} from public`
  return `Have its owner look at them, and drop them or run: alter function … owner to …`
}
