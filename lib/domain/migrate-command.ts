import { shellWord } from './shell-word.js'

/** A command that is about the tables that the options mean. */
export const commandIn = (schema: string | undefined, command: string): string =>
  schema === undefined ? `chatwoot-sync ${command}` : `chatwoot-sync ${command} --schema ${shellWord(schema)}`

/** The command that migrates the tables that the options mean: without their schema it would create others elsewhere. */
export const migrateCommand = (schema: string | undefined): string => commandIn(schema, 'migrate')
