import { Hono } from 'hono'

import { SyncError } from '../domain/errors.js'
import type { ServerFunctions } from './functions.js'
import type { LiveRuns } from './live-runs.js'
import { describe } from './openapi.js'
import { healthQuery, verifyStart } from './request-schemas.js'
import type { AnswerJson } from './shared-answer.js'
import { checkBody, checkQuery, requireJson } from './validation.js'

export interface PipelineRoutes {
  readonly functions: Pick<ServerFunctions, 'verify' | 'health' | 'readStats' | 'nextRun'>
  readonly live: Pick<LiveRuns, 'current' | 'stopping'>
  readonly answer: AnswerJson
  /** Apart from `answer`, as the health checks connect to both servers. */
  readonly answerHealth: AnswerJson
  readonly version: string
}

/** Comparing source and target, and the state of the pipeline. */
export function pipelineRoutes({ functions, live, answer, answerHealth, version }: PipelineRoutes): Hono {
  const routes = new Hono()

  routes.post('/verify', describe(verify), requireJson, async (context) => {
    const body = await checkBody(context, verifyStart)
    if ('problem' in body) return body.problem
    if (live.current()) {
      throw new SyncError('LOCKED', 'A run is in progress.', { remedy: 'Wait until it has ended.' })
    }
    return context.json(await functions.verify({ ...body.value, signal: live.stopping }))
  })

  routes.get('/health', describe(getHealth), (context) => {
    const query = checkQuery(context, healthQuery)
    if ('problem' in query) return query.problem
    return answerHealth(`health ${query.value.language}`, () => functions.health(query.value))
  })

  routes.get('/stats', describe(getStats), () =>
    answer('stats', async () => {
      const [stats, nextRun] = await Promise.all([functions.readStats(), functions.nextRun?.() ?? null])
      return { ...stats, nextRunAt: nextRun?.toISOString() ?? null, version }
    }),
  )

  return routes
}

const verify = {
  id: 'verify',
  summary: 'Compare the target with the source',
  description:
    'Answers when the comparison has ended, which may take minutes. Its result is stored, so that Stats shows the last one also to clients that did not wait.',
  body: 'VerifyStart',
  answer: { status: 200, description: 'What was found.', schema: 'Verification' },
  problems: [400, 401, 403, 409, 413, 415, 503],
} as const

const getHealth = {
  id: 'getHealth',
  summary: 'Check the health of the pipeline',
  query: healthQuery,
  answer: { status: 200, description: 'The worst outcome of the checks, and all of them.', schema: 'Health' },
  problems: [400, 401, 503],
} as const

const getStats = {
  id: 'getStats',
  summary: 'Get the state of the pipeline',
  answer: { status: 200, description: 'Totals, ages and the last results.', schema: 'Stats' },
  problems: [401, 503],
} as const
