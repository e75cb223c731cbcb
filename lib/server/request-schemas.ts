import english from 'zod/v4/locales/en.js'
import * as z from 'zod/mini'

// The small build of zod comes without words.
z.config(english())

/** What the OpenAPI document says of a schema. */
export const about = (description: string) => z.meta({ description })

export const loadType = z.enum(['incremental', 'full'])
export const runStatus = z.enum(['running', 'success', 'failed'])

/** Values of a query come as texts. */
const wholeText = (least: number, most: number, instead: number) =>
  z._default(
    z.pipe(
      z.string().check(z.regex(/^\d{1,6}$/, 'must be a whole number')),
      z.pipe(z.transform(Number), z.int().check(z.gte(least), z.lte(most))),
    ),
    instead,
  )

export const runStart = z
  .strictObject({ loadType: z._default(loadType, 'incremental') })
  .check(about('`full` reads everything and marks what is gone.'))

export const verifyStart = z.strictObject({
  sample: z
    ._default(z.number().check(z.gt(0), z.lte(1)), 1)
    .check(about('Share of the rows to compare, in whole ranges of keys chosen by chance.')),
  repair: z._default(z.boolean(), false).check(about('Mends what differs.')),
})

export const runQuery = z.strictObject({
  limit: wholeText(1, 200, 50).check(about('Runs of a page at most.')),
  cursor: z.optional(z.guid().check(about('The `next` of the page before.'))),
  status: z.optional(runStatus),
  loadType: z.optional(loadType),
})

export const healthQuery = z.strictObject({
  language: z._default(z.enum(['en', 'pt-BR']), 'en').check(about('Of the messages, and of what to do.')),
})

export const executionId = z.guid().check(about('Id of the run, as in `etl_control`.'))
