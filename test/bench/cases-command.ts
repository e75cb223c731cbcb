import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

import type { SyncReport } from '../../lib/index.js'
import { builtCommand } from '../setup/built-file.js'
import type { Bench, Group } from './bench.js'
import { compete, requireCounts, type Spent, type Strategy } from './contest.js'
import type { ChatwootPair } from './data-chatwoot.js'
import type { Ends } from './database.js'
import { atMost } from './findings.js'

/** The command line as a scheduler starts it. */
export const command: Group = {
  name: 'command',
  shows: 'chatwoot-sync sync with nothing to do, whole process, against node -e 0',
  run: async (bench) => {
    const pair = await bench.chatwoot('small')
    const folder = await mkdtemp(join(tmpdir(), 'chatwoot-sync-bench-'))
    try {
      const rival = processRun('node -e 0', pair, async () => run(folder, ['-e', '0']))
      const ours = ourCommand(bench, pair, folder)
      const costs = await compete({ ours, rival }, bench.repeat, bench.log)
      const base = { of: 'node -e 0', value: costs.rival.milliseconds }
      return {
        costs: Object.values(costs),
        findings: [atMost('chatwoot-sync sync, nothing to do', costs.ours.milliseconds, 5, base)],
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  },
}

function ourCommand({ worker }: Bench, pair: ChatwootPair, folder: string): Strategy {
  const name = 'chatwoot-sync sync'
  const args = [builtCommand(), 'sync', '--json']
  const strategy = processRun(name, pair, async ({ source, target }) => {
    const variables = { SOURCE_DATABASE_URL: source, LOCAL_DATABASE_URL: target }
    return run(folder, args, variables)
  })
  return {
    ...strategy,
    // Reads what had changed, so that nothing is left.
    prepare: () => worker.sync({ source: pair.source.url, target: pair.target.url }),
    check: async (spent) => requireCounts(name, spent, { rowsExtracted: 0 }),
  }
}

function processRun(name: string, pair: ChatwootPair, work: (ends: Ends) => Promise<Spent>): Strategy {
  const nothing = async () => undefined
  return { name, rows: 0, pair, prepare: nothing, run: work, check: nothing }
}

/** One process from its start to its end; what it prints is the report. Its CPU is not known here. */
async function run(
  folder: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<Spent> {
  const began = performance.now()
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, ...variables },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const output = text(child.stdout)
  const [code] = await once(child, 'exit')
  const milliseconds = performance.now() - began
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${String(code)}.`)
  const printed = await output
  const report: SyncReport | undefined = printed === '' ? undefined : JSON.parse(printed)
  return { milliseconds, cpuMilliseconds: 0, ...(report && { report }) }
}
