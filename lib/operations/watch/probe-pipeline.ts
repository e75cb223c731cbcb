import { observe, type HorizonState, type Probe, type Trace } from '../../domain/horizon.js'
import { defaults, type SyncOptions } from '../../options.js'
import { fromJson, toJson } from '../../pipeline/prepare/state.js'
import { openSession } from '../../postgres/driver/connect.js'
import { probeSource } from '../../postgres/source/probe.js'
import { readRunState, replaceRunState } from '../../postgres/control/run-state.js'
import type { Session } from '../../postgres/driver/session.js'

/** What a probe between two runs came to. */
export type Probed =
  /** The next run knows more of the transactions that are open. */
  | 'stored'
  /** There is nothing to add to: no good run yet, another source, or a run that came to its end meanwhile. */
  | 'nothing'
  /** The clock of the source is behind the last run: a run should look at once, before the clock passes that time again. */
  | 'clock-set-back'

/**
 * Looks at the source's open transactions between two runs, and adds that to the state of the last good one. The more often, the later
 * the time from which a run reads once a long transaction ends. It takes no lock: a state that changed meanwhile is left as it is.
 * Throws what the servers say against it.
 */
export async function probePipeline(
  options: Pick<SyncOptions, 'source' | 'target' | 'pipeline' | 'connectTimeout' | 'signal'>,
): Promise<Probed> {
  const { pipeline = defaults.pipeline, signal } = options
  // Whoever stops a watch waits for at most this, as nothing ends a connection that is still being opened.
  const connectTimeout = Math.min(options.connectTimeout ?? defaults.connectTimeout, 4000)
  const connection = { applicationName: 'chatwoot-sync probe', connectTimeout }
  await using target = await openSession('target', options.target, connection)
  await using source = await openSession('source', options.source, connection)
  const stop = () => {
    source.destroy(signal?.reason)
    target.destroy(signal?.reason)
  }
  signal?.addEventListener('abort', stop, { once: true })
  try {
    return await probe(source, target, pipeline)
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

/** The state is read first: a probe may only be added to what is older. */
async function probe(source: Session, target: Session, pipeline: string): Promise<Probed> {
  const kept = await readRunState(target, pipeline)
  const state = fromJson(kept?.state)
  if (!kept || !state?.horizon) return 'nothing'
  const seen = await probeSource(source)
  const trace = observe(state.horizon, seen)
  if (isAnew(state.horizon, trace) || seen.at === null) return 'nothing'
  if (seen.mode === 'primary' && seen.at < state.horizon.at) return 'clock-set-back'
  const horizon = extend(state.horizon, trace, seen)
  return (await replaceRunState(target, kept, toJson({ ...state, horizon }))) ? 'stored' : 'nothing'
}

/** Of another server, or after a restart, the next run has to see the change itself. */
function isAnew(last: HorizonState, trace: Trace): boolean {
  return trace.startedAt !== last.startedAt || trace.points.length <= 1 || trace.mode !== last.mode
}

/**
 * The last run's own transactions stay, as the next run asks which of them have ended: their bounds are before the time of that run, or
 * unknown. What has begun since is needed while it is open only: once it is gone, its stamps are after that time.
 */
function extend(last: HorizonState, { points, bounds }: Trace, { open }: Probe): HorizonState {
  const isNeeded = (vxid: string, bound: number | null) =>
    bound === null || bound < last.at || open.includes(vxid)
  const earlier = [...last.bounds].filter(([vxid, bound]) => isNeeded(vxid, bound))
  return { ...last, points, bounds: new Map([...bounds, ...earlier]) }
}
