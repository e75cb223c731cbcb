import { Hono } from 'hono'

import { SyncError } from '../domain/errors.js'
import type { Logger } from '../domain/logger.js'
import type { ServerFunctions } from './functions.js'
import type { LiveRuns } from './live-runs.js'
import { healthQuery, verifyStart } from './request-schemas.js'
import type { Answer } from './shared-answer.js'
import { checkBody, checkQuery } from './validation.js'

export interface FactRoutes {
  readonly functions: ServerFunctions
  readonly live: LiveRuns
  readonly answer: Answer
  readonly answerHealth: Answer
  readonly version: string
}

/** Comparing, and how the pipeline stands. */
export function factRoutes({ functions, live, answer, answerHealth, version }: FactRoutes): Hono {
  const routes = new Hono()

  routes.post('/verify', async (context) => {
    const body = await checkBody(context, verifyStart)
    if ('refusal' in body) return body.refusal
    if (live.current()) {
      throw new SyncError('LOCKED', 'A run is at work.', { remedy: 'Wait until it is done.' })
    }
    return context.json(await functions.verify({ ...body.value, signal: live.stopping }))
  })

  routes.get('/health', (context) => {
    const query = checkQuery(context, healthQuery)
    if ('refusal' in query) return query.refusal
    return answerHealth(`health ${query.value.language}`, () => functions.health(query.value))
  })

  routes.get('/stats', () =>
    answer('stats', async () => {
      const [stats, nextRun] = await Promise.all([functions.readStats(), functions.nextRun?.() ?? null])
      return { ...stats, nextRunAt: nextRun?.toISOString() ?? null, version }
    }),
  )

  return routes
}

/** The answer to Prometheus, who must hear of a target that cannot be read rather than get nothing. */
export async function answerMetrics(
  { readStats, health }: ServerFunctions,
  ask: (question: string, seek: () => Promise<string>) => Promise<string>,
  logger: Logger,
): Promise<Response> {
  const { metricsText, metricsType } = await import('./metrics.js')
  const known = async <T>(read: () => Promise<T>) => {
    try {
      return await read()
    } catch (error) {
      const code = error instanceof SyncError ? error.code : 'INTERNAL'
      logger.warn('The metrics are incomplete', { code })
      return undefined
    }
  }
  const text = await ask('metrics', async () => {
    const [stats, checks] = await Promise.all([known(readStats), known(() => health({ language: 'en' }))])
    return metricsText({ stats, health: checks })
  })
  return new Response(text, { headers: { 'content-type': metricsType } })
}
