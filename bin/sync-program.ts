import * as sync from './commands/sync.js'
import { runCommandLine as run } from './program.js'

/** `runCommandLine` for arguments that begin with `sync`. In the package it is a file of its own without the other commands. */
export const runCommandLine = (args: readonly string[]): Promise<number> => run(args, { sync })
