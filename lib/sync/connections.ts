import { aborted, startResponseTimeout, unlessAborted } from '../domain/abort.js'
import type { ResolvedOptions } from '../options.js'
import {
  isPlainByChoice,
  openReconnecting,
  openSession,
  type ReconnectingSession,
} from '../postgres/driver/connect.js'
import type { Session } from '../postgres/driver/session.js'

/** The two connections of a run. */
export interface Connections extends AsyncDisposable {
  /**
   * Opens both at once, as each takes several round trips; the source may still be connecting when this resolves. After a failure the
   * source is opened anew, as its snapshot is lost, and so is the target if it is lost; else it is cleaned, and keeps its lock.
   */
  open(): Promise<{ readonly target: Session; readonly source: Promise<ReconnectingSession> }>
  /** The one to the target, unless none was opened. */
  target(): Session | undefined
}

type ConnectionOptions = Pick<
  ResolvedOptions,
  'source' | 'target' | 'schema' | 'signal' | 'connectTimeout' | 'statementTimeout' | 'logger'
>

export function connectionsOf(options: ConnectionOptions): Connections {
  const { schema, signal, connectTimeout, statementTimeout } = options
  const settings = { applicationName: 'chatwoot-sync', connectTimeout, statementTimeout }
  let target: Session | undefined
  let source: Promise<ReconnectingSession> | undefined
  const warnIfOpen = warnOnce(options)

  /** One that is still connecting would delay a run that was stopped. */
  async function closeSource(): Promise<void> {
    const closing = source && close(source)
    source = undefined
    if (!signal?.aborted) await closing
  }

  async function openTarget(): Promise<Session> {
    const opening = awaitedLater(openSession('target', options.target, { ...settings, schema }))
    try {
      return await unlessAborted(opening, signal)
    } catch (error) {
      void close(opening)
      throw error
    }
  }

  async function closeTarget(): Promise<void> {
    const session = target
    target = undefined
    if (session) await close(Promise.resolve(session))
  }

  async function cleanTarget(): Promise<void> {
    if (!target) return
    const session = target
    const stopTimeout = startResponseTimeout('target', connectTimeout, session.destroy)
    try {
      await session.script(['rollback', 'discard temp'])
    } catch (reason) {
      session.destroy(reason)
      await closeTarget()
    } finally {
      stopTimeout()
    }
  }

  return {
    open: async () => {
      await Promise.all([closeSource(), cleanTarget()])
      source = awaitedLater(openReconnecting('source', options.source, settings))
      const opening = awaitedLater(unlessAborted(source, signal))
      opening.then(warnIfOpen, () => undefined)
      target ??= await openTarget()
      warnIfOpen(target)
      return { target, source: opening }
    },
    target: () => target,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([closeSource(), closeTarget()])
    },
  }
}

/** Warns once a run about each connection on which others can read names and messages. */
function warnOnce(options: Pick<ResolvedOptions, 'source' | 'target' | 'logger'>) {
  const warned = new Set<Session['side']>()
  return ({ side, wire }: Session): void => {
    if (wire !== 'open' || warned.has(side) || isPlainByChoice(options[side])) return
    warned.add(side)
    options.logger.warn(
      `The connection to the ${side} is not encrypted; chatwoot-sync doctor says what to do.`,
    )
  }
}

/** Until it is awaited, its failure must not count as unhandled. */
export function awaitedLater<T>(opening: Promise<T>): Promise<T> {
  opening.catch(() => undefined)
  return opening
}

/** A connection that fails to close has failed before, with an error that counts more. */
async function close(opening: Promise<Session>): Promise<void> {
  await opening.then((session) => session[Symbol.asyncDispose]()).catch(() => undefined)
}

/** Cuts both connections once the signal fires, the target's later, so that the run can still close its row. */
export function cutWhenAborted(
  { signal, connectTimeout }: Pick<ResolvedOptions, 'signal' | 'connectTimeout'>,
  { source, target }: { readonly source: Session; readonly target: Session },
): Disposable {
  let alarm: NodeJS.Timeout | undefined
  const cut = () => {
    source.destroy(aborted(signal?.reason))
    alarm = setTimeout(() => target.destroy(aborted(signal?.reason)), connectTimeout)
  }
  signal?.addEventListener('abort', cut, { once: true })
  return {
    [Symbol.dispose]: () => {
      signal?.removeEventListener('abort', cut)
      clearTimeout(alarm)
    },
  }
}
