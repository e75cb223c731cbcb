import type { ResolvedOptions } from '../options.js'
import { openSession } from '../postgres/driver/connect.js'
import { openRenewable, type RenewableSession } from '../postgres/driver/reconnecting-session.js'
import type { Session } from '../postgres/driver/session.js'
import { afterSilence } from '../postgres/driver/response-timeout.js'
import { orStopped, stopped } from '../domain/abort.js'

/** The two connections of a run. */
export interface Connections extends AsyncDisposable {
  /**
   * Opens both at once, as each takes several round trips; the source may still be on its way when this resolves. After a failure the
   * source is opened anew, as its snapshot is gone, and so is the target if it is lost; else it is cleaned, and keeps its lock.
   */
  open(): Promise<{ readonly target: Session; readonly source: Promise<RenewableSession> }>
  /** The one to the target, unless none was opened. */
  target(): Session | undefined
}

export function connectionsOf(options: ResolvedOptions): Connections {
  const { signal, connectTimeout, statementTimeout } = options
  const settings = { applicationName: 'chatwoot-sync', connectTimeout, statementTimeout }
  let target: Session | undefined
  let source: Promise<RenewableSession> | undefined
  const quietly = <T>(opening: Promise<T>) => {
    opening.catch(() => undefined)
    return opening
  }

  /** One that is still on its way would hold up a run that was stopped. */
  async function closeSource(): Promise<void> {
    const closing = source && close(source)
    source = undefined
    if (!signal?.aborted) await closing
  }

  async function openTarget(): Promise<Session> {
    const opening = quietly(openSession('target', options.target, settings))
    try {
      return await orStopped(opening, signal)
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
    const calm = afterSilence('target', connectTimeout, (reason) => session.destroy(reason))
    try {
      await session.script(['rollback', 'discard temp'])
    } catch (reason) {
      session.destroy(reason)
      await closeTarget()
    } finally {
      calm()
    }
  }

  return {
    open: async () => {
      await Promise.all([closeSource(), cleanTarget()])
      source = quietly(openRenewable('source', options.source, settings))
      const coming = orStopped(source, signal)
      coming.catch(() => undefined)
      target ??= await openTarget()
      return { target, source: coming }
    },
    target: () => target,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([closeSource(), closeTarget()])
    },
  }
}

/** Why a connection that ends badly did so, the failure before has told. */
async function close(opening: Promise<Session>): Promise<void> {
  await opening.then((session) => session[Symbol.asyncDispose]()).catch(() => undefined)
}

/** Cuts both connections once the signal fires, the target's a while later, so that the run can still close its row. */
export function cutWhenStopped(
  { signal, connectTimeout }: ResolvedOptions,
  { source, target }: { source: Session; target: Session },
): Disposable {
  let alarm: NodeJS.Timeout | undefined
  const stop = () => {
    source.destroy(stopped(signal?.reason))
    alarm = setTimeout(() => target.destroy(stopped(signal?.reason)), connectTimeout)
  }
  signal?.addEventListener('abort', stop, { once: true })
  return {
    [Symbol.dispose]: () => {
      signal?.removeEventListener('abort', stop)
      clearTimeout(alarm)
    },
  }
}
