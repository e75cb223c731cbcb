import { SyncError } from './errors.js'

/** What a schema may be called. */
export const schemaRule = 'must be 1 to 63 bytes long, and neither begin with pg_ nor be information_schema'

/** Whether PostgreSQL takes a name for a schema as it is: it cuts longer ones off, and keeps some for itself. */
export function isSchemaName(name: string): boolean {
  const bytes = Buffer.byteLength(name)
  const isReserved = name.startsWith('pg_') || name === 'information_schema'
  return bytes > 0 && bytes < 64 && !name.includes('\0') && !isReserved
}

/** Throws CONFIG_INVALID for a name that no schema of ours can have. */
export function checkSchemaName(name: string | undefined): void {
  if (name === undefined || isSchemaName(name)) return
  throw new SyncError('CONFIG_INVALID', `Invalid options: schema: ${schemaRule}.`, {
    remedy: 'Name a schema as it is, without quotes.',
    details: { schema: name.slice(0, 100) },
  })
}
