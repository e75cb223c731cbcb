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
