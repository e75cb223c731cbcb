import type * as z from 'zod/mini'

import {
  healthReport,
  problem,
  progress,
  runPage,
  runReport,
  runStarted,
  serverStats,
  verifyReport,
} from './answer-schemas.js'
import { healthQuery, runQuery, runStart, verifyStart } from './request-schemas.js'

/** The names under which the OpenAPI document lists them. */
export const namedSchemas = {
  RunStart: runStart,
  RunStarted: runStarted,
  Run: runReport,
  RunPage: runPage,
  Progress: progress,
  VerifyStart: verifyStart,
  Verification: verifyReport,
  Health: healthReport,
  Stats: serverStats,
  Problem: problem,
} as const

export type SchemaName = keyof typeof namedSchemas

/** What can be asked for, as the OpenAPI document tells it. Every answer can also be a problem. */
export interface Endpoint {
  readonly method: 'get' | 'post'
  readonly path: string
  readonly id: string
  readonly summary: string
  readonly description?: string
  readonly query?: z.ZodMiniObject
  readonly body?: SchemaName
  readonly answer: {
    readonly status: 200 | 202
    readonly description: string
    readonly type?: string
    readonly schema?: SchemaName
  }
  readonly problems: readonly number[]
}

export const endpoints: readonly Endpoint[] = [
  {
    method: 'post',
    path: '/api/runs',
    id: 'startRun',
    summary: 'Start a run',
    description: 'Answers as soon as the run has its row; how it goes on is told by its events.',
    body: 'RunStart',
    answer: { status: 202, description: 'The run is at work; Location leads to it.', schema: 'RunStarted' },
    problems: [400, 401, 403, 409, 413, 415, 503],
  },
  {
    method: 'get',
    path: '/api/runs',
    id: 'listRuns',
    summary: 'List runs, newest first',
    query: runQuery,
    answer: { status: 200, description: 'A page of runs.', schema: 'RunPage' },
    problems: [400, 401, 503],
  },
  {
    method: 'get',
    path: '/api/runs/{id}',
    id: 'getRun',
    summary: 'Get one run',
    answer: { status: 200, description: 'The run as its row tells it.', schema: 'Run' },
    problems: [400, 401, 404, 503],
  },
  {
    method: 'get',
    path: '/api/runs/{id}/events',
    id: 'watchRun',
    summary: 'Watch a run',
    description:
      'Server-sent events: `progress`, whose data is a Progress, whenever it has changed, and `end`, whose data is the Run, before the stream ends.',
    answer: { status: 200, description: 'The events.', type: 'text/event-stream' },
    problems: [400, 401, 404, 429, 503],
  },
  {
    method: 'post',
    path: '/api/verify',
    id: 'verify',
    summary: 'Compare the target with the source',
    description:
      'Answers when it is done, which may take minutes; the finding is kept, also for who did not wait, and Stats shows the last one.',
    body: 'VerifyStart',
    answer: { status: 200, description: 'What was found.', schema: 'Verification' },
    problems: [400, 401, 403, 409, 413, 415, 503],
  },
  {
    method: 'get',
    path: '/api/health',
    id: 'getHealth',
    summary: 'Tell whether all is well',
    query: healthQuery,
    answer: { status: 200, description: 'The worst of the checks, and all of them.', schema: 'Health' },
    problems: [400, 401, 503],
  },
  {
    method: 'get',
    path: '/api/stats',
    id: 'getStats',
    summary: 'Tell how the pipeline stands',
    answer: { status: 200, description: 'Totals, ages and the last findings.', schema: 'Stats' },
    problems: [401, 503],
  },
  {
    method: 'get',
    path: '/metrics',
    id: 'getMetrics',
    summary: 'Metrics for Prometheus',
    answer: { status: 200, description: 'Text in the format of Prometheus, 0.0.4.', type: 'text/plain' },
    problems: [401],
  },
]
