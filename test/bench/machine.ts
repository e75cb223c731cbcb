import { cpus, loadavg, totalmem } from 'node:os'

import type { Database } from './database.js'

/** What the figures depend on besides the code. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly postgres: string
  readonly node: string
  /** Processes that wanted a core, on average of a minute, before the bench began. Above a half, the times are noisy. */
  readonly load: number
}

/** Ask before any work begins, as of the load. */
export async function describeMachine(database: Database): Promise<Machine> {
  const [load = 0] = loadavg()
  const [row] = await database.query<{ version: string }>(
    `select current_setting('server_version') as version`,
  )
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    postgres: row?.version ?? 'unknown',
    node: process.versions.node,
    load: Math.round(load * 100) / 100,
  }
}

export function machineLine({ cpu, cores, memoryGiB, postgres, node, load }: Machine): string {
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB; PostgreSQL ${postgres}, Node ${node}; load ${load} at the start`
}
