import { readFile } from 'node:fs/promises'

import type { Browser, BrowserContextOptions, Page } from 'playwright-core'

/** The page of a server, and all that it complained of. */
export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}) {
  const context = await browser.newContext({ locale: 'en-US', timezoneId: 'America/Sao_Paulo', ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const complaints: string[] = []
  page.on('pageerror', ({ message }) => complaints.push(message))
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of (4|5)\d\d/.test(message.text()))
      complaints.push(message.text())
  })
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) complaints.push(`asks ${request.url()}`)
  })
  await page.goto(url)
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() }
}

/** Texts of the page whose contrast with what lies behind them is too low, and controls without a name. */
export async function findBarriers(page: Page): Promise<string[]> {
  const script = await readFile(new URL('dashboard-barriers.js', import.meta.url), 'utf8')
  return page.evaluate(script)
}

/** Looks again at once, as it does when its tab comes to the front. */
export async function comeBack(page: Page): Promise<void> {
  await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`)
}

/** Thirty runs of the last hours, one of them failed. */
export const history = `
  insert into etl_control (
    load_type, status, triggered_by, started_at, completed_at, duration_seconds, watermark_end, rows_extracted, rows_inserted,
    rows_updated, error_code, error_message
  )
  select
    case when n = 20 then 'full' else 'incremental' end,
    case when n = 5 then 'failed' else 'success' end,
    'scheduler',
    now() - n * interval '10 minutes',
    now() - n * interval '10 minutes',
    1.5,
    (now() - n * interval '10 minutes') at time zone 'UTC',
    1234,
    1000,
    234,
    case when n = 5 then 'SOURCE_UNREACHABLE' end,
    case when n = 5 then 'The source server did not answer within 10 s.' end
  from generate_series(1, 30) n`
