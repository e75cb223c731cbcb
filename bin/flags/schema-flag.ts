import type { Command } from 'commander'

export interface SchemaFlags {
  readonly schema?: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** Adds the flag for the schema of the tables, to every command that names a target. */
export function addSchemaOption(command: Command): Command {
  return command.option('--schema <name>', 'schema of the tables in the target (public)')
}

/** The schema by the flag, else by LOCAL_DB_SCHEMA; undefined without either. A name is taken as it is, spaces and capitals included. */
export function schemaOf({ schema }: SchemaFlags, environment: Environment): string | undefined {
  return schema ?? (environment['LOCAL_DB_SCHEMA'] || undefined)
}
