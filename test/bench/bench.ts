import type { Cluster } from '../../bin/demo/cluster.js'
import type { Arguments } from './arguments.js'
import type { ChatwootPair, Size } from './data-chatwoot.js'
import type { TablePair } from './data-tables.js'
import type { Result } from './findings.js'
import type { Worker } from './worker.js'

/** What the cases work with. Data is made when the first case asks for it. */
export interface Bench extends Pick<Arguments, 'rows' | 'repeat'> {
  readonly source: Cluster
  readonly target: Cluster
  /** The one in which everything runs but what needs a process of its own. */
  readonly worker: Worker
  wide(): Promise<TablePair>
  chatwoot(size: Size): Promise<ChatwootPair>
  log(line: string): void
}

/** Cases that share their data and are measured in turns. */
export interface Group {
  readonly name: string
  /** What it shows, for `--list`. */
  readonly shows: string
  run(bench: Bench): Promise<Result>
}
