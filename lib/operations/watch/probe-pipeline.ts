import { observe, type HorizonState, type Probe, type Trace } from '../../domain/horizon.js'
import { defaults, type SyncOptions } from '../../options.js'
import { fromJson, toJson } from '../../pipeline/prepare/state.js'
import { readRunState, replaceRunState } from '../../postgres/control/run-rows.js'
import { openSession } from '../../postgres/driver/connect.js'
import { probeSource } from '../../postgres/source/probe.js'
import type { Session } from '../../postgres/driver/session.js'

/** The result of a probe between two runs. */
export type ProbeResult =
  /** The state now holds what the probe saw of the open transactions. */
  | 'stored'
  /** There is no state to add to: no successful run yet, another source, or a run that ended meanwhile. */
  | 'nothing'
  /** The clock of the source is behind the last run: a run has to notice it before the clock passes that time again. */
  | 'clock-set-back'

/**
 * Probes the source's open transactions between two runs, and adds them to the state of the last successful one. The more often, the later
 * the low watermark of a run after a long transaction. It takes no lock: a state that changed meanwhile is left as it is.
 * Throws the errors of connecting and of statements.
 */
export async function probePipeline(
  options: Pick<SyncOptions, 'source' | 'target' | 'schema' | 'pipeline' | 'connectTimeout' | 'signal'>,
): Promise<ProbeResult> {
  const { pipeline = defaults.pipeline, schema, signal } = options
  // Whoever stops a watch waits for this at most, as nothing ends a connection that is still being opened.
  const connectTimeout = Math.min(options.connectTimeout ?? defaults.connectTimeout, 4000)
  const connection = { applicationName: 'chatwoot-sync probe', connectTimeout }
  await using target = await openSession('target', options.target, { ...connection, schema })
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

/** The state is read first: a probe may only be added to an older state. */
async function probe(source: Session, target: Session, pipeline: string): Promise<ProbeResult> {
  const stored = await readRunState(target, pipeline)
  const state = fromJson(stored?.state)
  if (!stored || !state?.horizon) return 'nothing'
  const seen = await probeSource(source)
  const trace = observe(state.horizon, seen)
  if (isOtherSource(state.horizon, trace) || seen.at === null) return 'nothing'
  if (seen.mode === 'primary' && seen.at < state.horizon.at) return 'clock-set-back'
  const horizon = extend(state.horizon, trace, seen)
  return (await replaceRunState(target, stored, toJson({ ...state, horizon }))) ? 'stored' : 'nothing'
}

/** Another server, or the same one after a restart: the next run has to notice the change itself. */
function isOtherSource(last: HorizonState, trace: Trace): boolean {
  return trace.startedAt !== last.startedAt || trace.points.length <= 1 || trace.mode !== last.mode
}

/**
 * The transactions that the last run saw stay, as the next run checks which of them have ended: their bounds are before the time of that run,
 * or unknown. One that has begun since is needed only while it is open: once it has ended, its stamps are after that time.
 */
function extend(last: HorizonState, { points, bounds }: Trace, { open }: Probe): HorizonState {
  const isNeeded = (vxid: string, bound: number | null) =>
    bound === null || bound < last.at || open.includes(vxid)
  const earlier = [...last.bounds].filter(([vxid, bound]) => isNeeded(vxid, bound))
  return { ...last, points, bounds: new Map([...bounds, ...earlier]) }
}
