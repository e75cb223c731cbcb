import type { Ends } from '../database.js'

/** What every tool is asked to do: bring a table of the source to the target, and keep it equal by its key and its stamp. */
export interface Task extends Ends {
  /** Of the source, in the schema public. */
  readonly table: string
  readonly key: string
  readonly changedAt: string
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  /** Of this tool alone: its home, with what it keeps between two runs. */
  readonly folder: string
  /** Where `Peer.install` has installed it. */
  readonly installed: string
}

/** A process, or several behind a pipe, as a scheduler would start them. */
export interface Command {
  readonly program: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** A tool, or a way to do the same without one. */
export interface Peer {
  readonly name: string
  /** What is installed, as `name==version`; empty for what comes with PostgreSQL or is this package. */
  readonly packages: readonly string[]
  /** `sync` runs again and again and brings what changed; a `floor` copies everything each time. */
  readonly kind: 'ours' | 'sync' | 'floor'
  /** It takes minutes, and so has one round, behind those of the others: what it is behind by needs no median. (Default: false.) */
  readonly slow?: true
  /** How it was set up, where that is not its default. */
  readonly note?: string
  /** Installs it, and returns the folder to be handed to `prepare` and `command`. */
  install(prefix: string): Promise<string>
  /** What one does once, before the first run; not timed. */
  prepare(task: Task): Promise<void>
  /** One run, the first one or a later one. */
  command(task: Task, isFirst: boolean): Command
  /** The table of the target that holds the rows then, as SQL. */
  tableOf(task: Task): string
}

/** A pipe of programs that fails when one of them does. Values go through variables, as `"$SOURCE"`. */
export const shell = (script: string, env: Readonly<Record<string, string>>): Command => ({
  program: 'bash',
  args: ['-c', `set -euo pipefail; ${script}`],
  env,
})
