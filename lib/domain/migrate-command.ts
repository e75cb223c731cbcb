import { shellWord } from './shell-word.js'

/** The command that migrates the tables that the options mean: without their schema it would create others elsewhere. */
export const migrateCommand = (schema: string | undefined): string =>
  schema === undefined ? 'chatwoot-sync migrate' : `chatwoot-sync migrate --schema ${shellWord(schema)}`
