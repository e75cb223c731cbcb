import english from 'zod/v4/locales/en.js'
import * as z from 'zod/mini'

// The small build of zod has no messages.
z.config(english())

/** The description of a schema in the OpenAPI document. */
export const about = (description: string) => z.meta({ description })

export const loadType = z.enum(['incremental', 'full'])
export const runStatus = z.enum(['running', 'success', 'failed'])

/** A whole number in a query, where every value is a text. */
const wholeNumber = (least: number, most: number, fallback: number) =>
  z._default(
    z.pipe(
      z.string().check(z.regex(/^\d{1,6}$/, 'must be a whole number')),
      z.pipe(z.transform(Number), z.int().check(z.gte(least), z.lte(most))),
    ),
    fallback,
  )

export const runStart = z
  .strictObject({
    loadType: z._default(loadType, 'incremental'),
    complete: z
      ._default(z.boolean(), false)
      .check(
        about('Whether to scan for changes that no index shows, though the last scan was not long ago.'),
      ),
  })
  .check(about('`full` reads everything and soft-deletes rows that no longer exist in Chatwoot.'))

export const verifyStart = z.strictObject({
  sample: z
    ._default(z.number().check(z.gt(0), z.lte(1)), 1)
    .check(about('Share of the rows to compare, in whole ranges of keys chosen at random.')),
  repair: z._default(z.boolean(), false).check(about('Whether to repair the differences.')),
})

export const runQuery = z.strictObject({
  limit: wholeNumber(1, 200, 50).check(about('Maximum number of runs in a page.')),
  cursor: z.optional(z.guid().check(about('The `next` of the previous page.'))),
  status: z.optional(runStatus),
  loadType: z.optional(loadType),
})

export const healthQuery = z.strictObject({
  language: z._default(z.enum(['en', 'pt-BR']), 'en').check(about('Language of the messages and remedies.')),
})

export const executionId = z.guid().check(about('Id of the run, as in `etl_control`.'))
