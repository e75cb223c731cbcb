import type { Command } from 'commander'

/** Where settings come from, and where output goes. */
export interface OutputFlags {
  readonly logDir: string
  readonly logFile: boolean
  readonly env?: string
  readonly quiet?: true
  readonly json?: true
}

export function addOutputOptions(command: Command, json = 'print the report as one JSON object'): Command {
  return command
    .optionsGroup('Settings and output:')
    .option('--log-dir <folder>', 'folder for log files', 'logs/etl')
    .option('--no-log-file', 'write no log file')
    .option('--env <file>', 'settings file (.env)')
    .option('--quiet', 'print only errors and warnings')
    .option('--json', json)
}
