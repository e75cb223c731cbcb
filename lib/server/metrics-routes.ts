import { Hono } from 'hono'

import { SyncError } from '../domain/errors.js'
import type { Logger } from '../domain/logger.js'
import type { ServerFunctions } from './functions.js'
import { describe } from './openapi.js'
import { shareAnswers } from './shared-answer.js'

/** The metrics. When the target cannot be read they say so, as a scrape that fails would only be missing. */
export function metricsRoutes(
  { readStats, health }: Pick<ServerFunctions, 'readStats' | 'health'>,
  logger: Logger,
): Hono {
  const share = shareAnswers(1000)

  const readable = async <T>(read: () => Promise<T>) => {
    try {
      return await read()
    } catch (error) {
      const code = error instanceof SyncError ? error.code : 'INTERNAL'
      logger.warn('The metrics are incomplete', { code })
      return undefined
    }
  }

  const routes = new Hono()
  routes.get('/', describe(getMetrics), async () => {
    const { metricsText, metricsType } = await import('./metrics.js')
    const text = await share('metrics', async () => {
      const [stats, checks] = await Promise.all([
        readable(readStats),
        readable(() => health({ language: 'en' })),
      ])
      return metricsText({ stats, health: checks })
    })
    return new Response(text, { headers: { 'content-type': metricsType } })
  })
  return routes
}

const getMetrics = {
  id: 'getMetrics',
  summary: 'Metrics for Prometheus',
  answer: { status: 200, description: 'Text in the format of Prometheus, 0.0.4.', type: 'text/plain' },
  problems: [401],
} as const
