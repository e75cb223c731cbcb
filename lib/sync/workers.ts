import { withinTime } from '../domain/abort.js'
import type { HashKey } from '../domain/column-hash.js'
import type { ResolvedOptions } from '../options.js'
import type { Plan } from '../pipeline/prepare/plan.js'
import { otherServer } from '../pipeline/prepare/snapshot.js'
import { openReconnecting, openSession, type ReconnectingSession } from '../postgres/driver/connect.js'
import type { Session } from '../postgres/driver/session.js'
import { spareConnections } from '../postgres/driver/spare-connections.js'
import type { Timeouts } from '../postgres/driver/transaction.js'
import { exportSnapshot, joinSnapshot, type SharedSnapshot } from '../postgres/source/shared-snapshot.js'
import { createStage } from '../postgres/target/stage.js'

/** A connection to each side, over which one range after the other is loaded. */
export interface Worker {
  readonly source: ReconnectingSession
  readonly target: Session
}

/** The workers of a run beside the one that its own two connections are. */
export interface MoreWorkers extends AsyncDisposable {
  /** Those that could be opened and are in use. */
  readonly all: readonly Worker[]
  /** Why there are fewer than were asked for. */
  readonly missing: string | undefined
  /**
   * Lets all of them read under the snapshot of a session, which stays open; those that cannot are closed. False where it cannot be shared:
   * then all are closed, and its transaction has failed.
   */
  share(source: Session): Promise<boolean>
  /** Cuts all connections, so that nothing more is committed over them. */
  destroy(reason: unknown): void
}

type WorkerOptions = Timeouts &
  Pick<ResolvedOptions, 'source' | 'target' | 'schema' | 'connectTimeout' | 'dryRun'> & {
    /** Of hashed columns. */
    readonly hashKey: HashKey | undefined
  }

/** Opens as many as both sides let it; with fewer, the run takes longer. */
export async function openWorkers(
  { load }: Pick<Plan, 'load'>,
  count: number,
  options: WorkerOptions,
): Promise<MoreWorkers> {
  const most = Math.min(count, sparePairs(options))
  let missing = most < count ? 'a pool has no more connections to spare.' : undefined
  const opened = await Promise.allSettled(Array.from({ length: most }, () => openWorker(load, options)))
  let all = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  for (const each of opened) if (each.status === 'rejected') missing ??= reasonOf(each.reason)

  async function joined(worker: Worker, shared: SharedSnapshot): Promise<boolean> {
    try {
      await join(worker.source, shared, options)
      return true
    } catch (error) {
      missing ??= reasonOf(error)
      // Also a statement for which a pooler lets it wait.
      for (const session of [worker.source, worker.target]) session.destroy(error)
      await close(worker)
      return false
    }
  }

  async function exported(source: Session): Promise<SharedSnapshot | undefined> {
    try {
      return await exportSnapshot(source)
    } catch (error) {
      if (source.lost.aborted) throw error
      missing ??= reasonOf(error)
      await Promise.all(all.map(close))
      return undefined
    }
  }

  return {
    get all() {
      return all
    },
    get missing() {
      return missing
    },
    share: async (source) => {
      if (all.length === 0) return true
      const shared = await exported(source)
      const isJoined = shared ? await Promise.all(all.map((worker) => joined(worker, shared))) : []
      all = all.filter((_, index) => isJoined[index])
      return shared !== undefined
    },
    destroy: (reason) => {
      for (const { source, target } of all) for (const session of [source, target]) session.destroy(reason)
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(all.map(close))
    },
  }
}

/** Over a new connection where the last range was broken off. A pooler may have no connection left, and would let it wait. */
async function join(
  source: ReconnectingSession,
  shared: SharedSnapshot,
  options: Timeouts & Pick<WorkerOptions, 'connectTimeout' | 'hashKey'>,
): Promise<void> {
  const { connectTimeout } = options
  await source.reconnect()
  const joining = joinSnapshot(source, shared, options)
  const isSame = await withinTime(
    joining,
    connectTimeout,
    () => new Error(`The source has opened no second transaction within ${connectTimeout} ms.`),
  )
  if (!isSame) throw otherServer()
}

async function openWorker(load: Plan['load'], options: WorkerOptions): Promise<Worker> {
  const { schema, connectTimeout, statementTimeout, dryRun } = options
  const settings = { applicationName: 'chatwoot-sync', connectTimeout, statementTimeout }
  const [source, target] = await Promise.allSettled([
    openReconnecting('source', options.source, settings),
    openSession('target', options.target, { ...settings, schema }),
  ])
  try {
    const worker = { source: valueOf(source), target: valueOf(target) }
    await createStage(worker.target, load, { dryRun })
    return worker
  } catch (error) {
    for (const side of [source, target]) if (side.status === 'fulfilled') await closeSession(side.value)
    throw error
  }
}

function valueOf<T>(settled: PromiseSettledResult<T>): T {
  if (settled.status === 'rejected') throw settled.reason
  return settled.value
}

/** Each worker takes one of both, which may be the same pool. */
function sparePairs({ source, target }: Pick<WorkerOptions, 'source' | 'target'>): number {
  const spare = Math.min(spareConnections(source), spareConnections(target))
  return source === target ? Math.floor(spare / 2) : spare
}

async function close({ source, target }: Worker): Promise<void> {
  await Promise.all([source, target].map(closeSession))
}

/** What fails to close has failed before. */
async function closeSession(session: Session): Promise<void> {
  await Promise.resolve(session[Symbol.asyncDispose]()).catch(() => undefined)
}

const reasonOf = (error: unknown) =>
  error instanceof Error ? error.message : 'a connection could not be opened.'
