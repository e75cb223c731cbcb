import { Hono, type Context } from 'hono'
import { streamSSE } from 'hono/streaming'

import type { Logger } from '../domain/logger.js'
import type { ServerFunctions } from './functions.js'
import type { LiveRuns } from './live-runs.js'
import { problem } from './problem.js'
import { executionId, runQuery, runStart } from './request-schemas.js'
import { runEvents } from './run-events.js'
import type { Answer } from './shared-answer.js'
import { checkBody, checkParameter, checkQuery } from './validation.js'

export interface RunRoutes {
  readonly functions: Pick<ServerFunctions, 'readRuns' | 'readRun'>
  readonly live: LiveRuns
  readonly answer: Answer
  readonly logger: Logger
}

/** Listeners of one server; each of them costs a look at its run every second. */
const mostStreams = 100

/** Starting, listing and watching runs. */
export function runRoutes({ functions, live, answer, logger }: RunRoutes): Hono {
  const routes = new Hono()
  let streams = 0

  routes.post('/', async (context) => {
    const body = await checkBody(context, runStart)
    if ('refusal' in body) return body.refusal
    const { loadType } = body.value
    const id = await live.start(loadType)
    return context.json({ executionId: id, loadType, status: 'running' }, 202, { location: `runs/${id}` })
  })

  routes.get('/', (context) => {
    const query = checkQuery(context, runQuery)
    if ('refusal' in query) return query.refusal
    return answer(`runs ${JSON.stringify(query.value)}`, () => functions.readRuns(query.value))
  })

  routes.get('/:id', (context) => {
    const id = checkParameter(context.req.param('id'), executionId, 'id')
    if ('refusal' in id) return id.refusal
    return answer(`run ${id.value}`, () => functions.readRun(id.value), unknownRun)
  })

  routes.get('/:id/events', async (context) => {
    const id = checkParameter(context.req.param('id'), executionId, 'id')
    if ('refusal' in id) return id.refusal
    const isLive = live.current()?.executionId === id.value
    if (!isLive && !(await functions.readRun(id.value))) return unknownRun()
    if (context.req.method === 'HEAD') return context.body(null, 200, { 'content-type': 'text/event-stream' })
    if (streams >= mostStreams) return problem('TOO_MANY_STREAMS', `There are ${streams} listeners already.`)
    streams += 1
    return stream(context, id.value, { functions, live, logger }, () => (streams -= 1))
  })

  return routes
}

const unknownRun = () => problem('NOT_FOUND', 'There is no such run of this pipeline.')

/** Milliseconds after which a connection on which nothing happens would be cut by some proxies. */
const heartbeat = 15_000

function stream(
  context: Context,
  id: string,
  { functions, live, logger }: Pick<RunRoutes, 'functions' | 'live' | 'logger'>,
  close: () => void,
): Response {
  const gone = new AbortController()
  const signal = AbortSignal.any([gone.signal, live.stopping])
  // The listener finds the stream ended, and asks again.
  const onError = async ({ message: reason }: Error) =>
    logger.warn('A stream of events broke off', { reason })
  // Proxies that gather an answer before they pass it on would hold it back until the end.
  context.header('x-accel-buffering', 'no')
  return streamSSE(
    context,
    async (sse) => {
      sse.onAbort(() => gone.abort())
      const beat = setInterval(() => void sse.write(': still here\n\n'), heartbeat)
      try {
        await sse.write(': listening\n\n')
        for await (const { event, data } of runEvents(id, live, functions.readRun, signal)) {
          await sse.writeSSE({ event, data: JSON.stringify(data) })
        }
      } finally {
        clearInterval(beat)
        gone.abort()
        close()
      }
    },
    onError,
  )
}
