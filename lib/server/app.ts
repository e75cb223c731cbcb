import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { methodNotAllowed } from 'hono/method-not-allowed'

import type { Logger } from '../domain/logger.js'
import { answerAsset, type Assets } from './assets.js'
import type { ServerFunctions } from './functions.js'
import { noStore, originGuard, securityHeaders, tokenGuard } from './guards.js'
import type { LiveRuns } from './live-runs.js'
import { metricsRoutes } from './metrics-routes.js'
import { answerOpenApi } from './openapi.js'
import { pipelineRoutes } from './pipeline-routes.js'
import { problem, problemOf } from './problem.js'
import { runRoutes } from './run-routes.js'
import { shareJson } from './shared-answer.js'

export interface AppParts {
  readonly functions: ServerFunctions
  readonly live: LiveRuns
  readonly assets: Assets
  readonly token: string | undefined
  readonly origins: readonly string[]
  readonly version: string
  readonly logger: Logger
}

/** REST, metrics and page, over functions. Only the page, which holds no data, and the description of the API need no token. */
export function createApp({ functions, live, assets, token, origins, version, logger }: AppParts): Hono {
  const app = new Hono()
  app.onError((error, context) => problemOf(error, context, logger))
  app.notFound((context) => problem('NOT_FOUND', `There is nothing at ${context.req.path.slice(0, 100)}.`))

  app.use(securityHeaders, noStore)
  if (origins.length > 0) app.use('/api/*', allowOrigins(origins))
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (_, methods) =>
        problem('METHOD_NOT_ALLOWED', `Possible here: ${methods.join(', ')}.`, { allow: methods.join(', ') }),
    }),
  )
  app.use('/api/*', tokenGuard(token), originGuard(origins))
  app.use('/metrics', tokenGuard(token))

  const answer = shareJson()
  app.route('/api/runs', runRoutes({ functions, live, answer, logger }))
  app.route('/api', pipelineRoutes({ functions, live, answer, answerHealth: shareJson(2000), version }))
  app.route('/metrics', metricsRoutes(functions, logger))
  app.get('/openapi.json', answerOpenApi(app, version, token !== undefined))
  app.get('/', (context) => answerAsset(context, assets, 'index.html') ?? context.notFound())
  app.get('/assets/*', (context) => {
    const [, path = ''] = context.req.path.split('/assets/')
    return answerAsset(context, assets, path) ?? context.notFound()
  })
  return app
}

function allowOrigins(origins: readonly string[]) {
  return cors({
    origin: [...origins],
    allowMethods: ['GET', 'POST'],
    allowHeaders: ['authorization', 'content-type'],
    exposeHeaders: ['location'],
    maxAge: 600,
  })
}
