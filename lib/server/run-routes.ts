import { Hono, type Context } from 'hono'
import { streamSSE } from 'hono/streaming'
import * as z from 'zod/mini'

import type { Logger } from '../domain/logger.js'
import type { ServerFunctions } from './functions.js'
import type { LiveRuns } from './live-runs.js'
import { describe } from './openapi.js'
import { problem } from './problem.js'
import { executionId, runQuery, runStart } from './request-schemas.js'
import { runEvents } from './run-events.js'
import type { AnswerJson } from './shared-answer.js'
import { checkBody, checkParameter, checkQuery, requireJson } from './validation.js'

export interface RunRoutes {
  readonly functions: Pick<ServerFunctions, 'readRuns' | 'readRun'>
  readonly live: Pick<LiveRuns, 'start' | 'current' | 'stopping'>
  readonly answer: AnswerJson
  readonly logger: Logger
}

/** Listeners of one server. Each of them costs a look at its run every second. */
const maxStreams = 100

/** Starting, listing and watching runs. */
export function runRoutes({ functions, live, answer, logger }: RunRoutes): Hono {
  const routes = new Hono()
  let streams = 0

  routes.post('/', describe(startRun), requireJson, async (context) => {
    const body = await checkBody(context, runStart)
    if ('problem' in body) return body.problem
    const { loadType, complete } = body.value
    const id = await live.start(complete ? { loadType, complete } : { loadType })
    return context.json({ executionId: id, loadType, status: 'running' }, 202, { location: `runs/${id}` })
  })

  routes.get('/', describe(listRuns), (context) => {
    const query = checkQuery(context, runQuery)
    if ('problem' in query) return query.problem
    return answer(`runs ${JSON.stringify(query.value)}`, () => functions.readRuns(query.value))
  })

  routes.get('/:id', describe(getRun), (context) => {
    const id = checkParameter(context.req.param('id'), executionId, 'id')
    if ('problem' in id) return id.problem
    return answer(`run ${id.value}`, () => functions.readRun(id.value), unknownRun)
  })

  routes.get('/:id/events', describe(watchRun), async (context) => {
    const id = checkParameter(context.req.param('id'), executionId, 'id')
    if ('problem' in id) return id.problem
    const isLive = live.current()?.executionId === id.value
    if (!isLive && !(await functions.readRun(id.value))) return unknownRun()
    if (context.req.method === 'HEAD') return context.body(null, 200, { 'content-type': 'text/event-stream' })
    if (streams >= maxStreams) return problem('TOO_MANY_STREAMS', `There are ${streams} listeners already.`)
    streams += 1
    return stream(context, id.value, { functions, live, logger }, () => (streams -= 1))
  })

  return routes
}

const runPath = z.object({ id: executionId })

const startRun = {
  id: 'startRun',
  summary: 'Start a run',
  description: 'Answers as soon as the run has its row; its events show how far it is.',
  body: 'RunStart',
  answer: { status: 202, description: 'The run has started; Location leads to it.', schema: 'RunStarted' },
  problems: [400, 401, 403, 409, 413, 415, 503],
} as const

const listRuns = {
  id: 'listRuns',
  summary: 'List runs, newest first',
  query: runQuery,
  answer: { status: 200, description: 'A page of runs.', schema: 'RunPage' },
  problems: [400, 401, 503],
} as const

const getRun = {
  id: 'getRun',
  summary: 'Get one run',
  path: runPath,
  answer: { status: 200, description: 'The run as its row shows it.', schema: 'Run' },
  problems: [400, 401, 404, 503],
} as const

const watchRun = {
  id: 'watchRun',
  summary: 'Watch a run',
  description:
    'Server-sent events: `progress`, whose data is a Progress, whenever it has changed, and `end`, whose data is the Run, before the stream ends.',
  path: runPath,
  answer: { status: 200, description: 'The events.', type: 'text/event-stream' },
  problems: [400, 401, 404, 429, 503],
} as const

const unknownRun = () => problem('NOT_FOUND', 'This pipeline has no such run.')

/** Milliseconds. Some proxies cut a connection on which nothing happens for longer. */
const heartbeat = 15_000

function stream(
  context: Context,
  id: string,
  { functions, live, logger }: Pick<RunRoutes, 'functions' | 'live' | 'logger'>,
  close: () => void,
): Response {
  const left = new AbortController()
  const signal = AbortSignal.any([left.signal, live.stopping])
  // The client sees the stream end, and asks again.
  const onError = async ({ message: reason }: Error) =>
    logger.warn('A stream of events broke off', { reason })
  // Proxies that buffer a response would hold it back until its end.
  context.header('x-accel-buffering', 'no')
  return streamSSE(
    context,
    async (sse) => {
      sse.onAbort(() => left.abort())
      const beat = setInterval(() => void sse.write(': heartbeat\n\n'), heartbeat)
      try {
        await sse.write(': listening\n\n')
        for await (const { event, data } of runEvents(id, live, functions.readRun, signal)) {
          await sse.writeSSE({ event, data: JSON.stringify(data) })
        }
      } finally {
        clearInterval(beat)
        left.abort()
        close()
      }
    },
    onError,
  )
}
