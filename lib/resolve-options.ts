import english from 'zod/v4/locales/en.js'
import * as z from 'zod/mini'

import { checkRules, rulesSchema } from './chatwoot/column-rules.js'
import { SyncError } from './domain/errors.js'
import { isSchemaName, schemaRule } from './domain/schema-name.js'
import { defaults, type ResolvedOptions, type SyncOptions } from './options.js'

// The small build of zod comes without words; the large one would take longer to load than a run without changes.
z.config(english())

const atLeast = (minimum: number) => z.number().check(z.gte(minimum))
const whole = (minimum: number, maximum: number) => z.int().check(z.gte(minimum), z.lte(maximum))
const share = z.number().check(z.gte(0), z.lte(1))
const milliseconds = z.number().check(z.gte(0), z.lte(2 ** 31 - 1))
const ids = z.array(whole(1, Number.MAX_SAFE_INTEGER)).check(z.minLength(1))
const name = z.string().check(z.trim(), z.minLength(1))
const webAddress = z
  .string()
  .check(z.trim(), z.regex(/^https?:\/\/[^\s?#]+$/, 'must be an http or https address'))
/** As it is: spaces at its ends are part of it. */
const column = z.string().check(z.regex(/\S/))
const columns = z.optional(z.array(column))
const schemaName = z.string().check(z.refine(isSchemaName, schemaRule))
const handle = z.union([z.string().check(z.minLength(1)), z.looseObject({})])
const hook = z.optional(z.custom((value) => typeof value === 'function', 'must be a function'))

const schema = z.strictObject({
  source: handle,
  target: handle,
  schema: z.optional(schemaName),
  relation: z.optional(
    z.strictObject({
      ...{ name, key: column, changedAt: column },
      ...{ changedAtZone: z.optional(name), ignoreChanges: columns },
    }),
  ),
  table: z._default(name, defaults.table),
  pipeline: z._default(name, defaults.pipeline),
  loadType: z._default(z.enum(['incremental', 'full']), defaults.loadType),
  triggeredBy: z._default(z.enum(['manual', 'scheduler', 'api']), defaults.triggeredBy),
  accounts: z.optional(ids),
  inboxes: z.optional(ids),
  columns: z.optional(rulesSchema),
  hashSecret: z.optional(z.string().check(z.minLength(16))),
  messageTexts: z._default(z.boolean(), defaults.messageTexts),
  reveal: z._default(z.boolean(), defaults.reveal),
  timeZone: z.optional(name),
  chatwootUrl: z.optional(webAddress),
  extractor: z._default(z.enum(['copy', 'cursor']), defaults.extractor),
  batchSize: z._default(whole(1, 1_000_000), defaults.batchSize),
  batchBytes: z._default(whole(1024, 2 ** 31 - 1), defaults.batchBytes),
  parallel: z._default(whole(1, 32), defaults.parallel),
  skewAllowance: z._default(milliseconds, defaults.skewAllowance),
  editWindow: z._default(atLeast(0), defaults.editWindow),
  editScanEvery: z._default(atLeast(0), defaults.editScanEvery),
  scanShare: z._default(share, defaults.scanShare),
  scanEvery: z._default(atLeast(0), defaults.scanEvery),
  complete: z.optional(z.boolean()),
  maxRowsPerSecond: z.optional(z.number().check(z.gte(1))),
  maxSnapshotSeconds: z._default(atLeast(0.001), defaults.maxSnapshotSeconds),
  statementTimeout: z._default(milliseconds, defaults.statementTimeout),
  lockTimeout: z._default(milliseconds, defaults.lockTimeout),
  connectTimeout: z._default(milliseconds, defaults.connectTimeout),
  keepHistory: z._default(atLeast(0), defaults.keepHistory),
  retryBudget: z._default(milliseconds, defaults.retryBudget),
  maxRejects: z.optional(whole(0, 2 ** 31 - 1)),
  allowLossy: z.optional(z.union([z.boolean(), z.array(column)])),
  keepRejected: z._default(z.boolean(), defaults.keepRejected),
  maxDeleteShare: z._default(share, defaults.maxDeleteShare),
  acceptNewSource: z._default(z.boolean(), defaults.acceptNewSource),
  acceptTargetDeletes: z._default(z.boolean(), defaults.acceptTargetDeletes),
  transform: hook,
  signal: z.optional(z.instanceof(AbortSignal)),
  onStart: hook,
  onRetry: hook,
  onProgress: hook,
  logger: z.optional(z.looseObject({})),
  dryRun: z._default(z.boolean(), defaults.dryRun),
})

/** Validates the options of a caller. Throws CONFIG_MISSING or CONFIG_INVALID, which name the option and what it may be. */
export function resolveOptions(options: SyncOptions): ResolvedOptions {
  for (const side of ['source', 'target'] as const) {
    if (options[side] === undefined) throw missing(side)
  }
  const checked = schema.safeParse(options)
  if (!checked.success) throw invalid(checked.error)
  if (checked.data.columns) checkRules(checked.data.columns, checked.data.hashSecret)
  const { source, target, transform, onStart, onRetry, onProgress, logger } = options
  // zod would copy the handles and hooks, which are objects of the caller.
  return Object.freeze({ ...checked.data, source, target, transform, onStart, onRetry, onProgress, logger })
}

function missing(option: string): SyncError {
  return new SyncError('CONFIG_MISSING', `The option ${option} is missing.`, {
    remedy: 'Pass a connection string, a configuration or a pool of pg, or a Kysely.',
  })
}

/** Values are left out: one of them could be a connection string. */
function invalid(error: z.core.$ZodError): SyncError {
  const problems = error.issues.map(({ path, message }) => `${path.join('.') || 'options'}: ${message}`)
  return new SyncError('CONFIG_INVALID', `Invalid options: ${problems.join('; ')}.`, {
    remedy: 'Correct them.',
    details: { complaints: problems },
  })
}
