import type { SyncOptions } from '../../lib/index.js'
import type { ProgressView } from './progress-bar.js'
import type { RunFlags } from '../flags/run-flags.js'

/** A bar on a terminal, lines elsewhere. A bar does not disturb the JSON, which goes to stdout; lines would only be noise beside it. */
export async function openView(
  { quiet, json }: Pick<RunFlags, 'quiet' | 'json'>,
  { source, target }: Pick<SyncOptions, 'source' | 'target'>,
  /** From which database to which. */
  heading: (from: string, to: string) => string,
): Promise<ProgressView | undefined> {
  const terminal = process.stderr
  if (quiet) return undefined
  if (terminal.isTTY && process.env['TERM'] !== 'dumb') {
    return (await import('./progress-bar.js')).openProgressBar(terminal)
  }
  if (json) return undefined
  const { addressOf } = await import('../../lib/postgres/driver/connect.js')
  const name = (handle: SyncOptions['source']) => {
    const { host, port, database } = addressOf(handle)
    return `${host}:${port}/${database}`
  }
  terminal.write(`${heading(name(source), name(target))}\n`)
  return (await import('./progress-lines.js')).openProgressLines(terminal)
}
