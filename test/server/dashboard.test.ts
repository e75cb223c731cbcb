import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { openBrowser } from '../fixtures/browser.js'
import { comeBack, findBarriers, history, openPage } from '../fixtures/dashboard-fixture.js'
import { holdRuns, openServer } from '../fixtures/server-fixture.js'
import { differences } from '../fixtures/sync-fixture.js'

let browser: Browser
beforeAll(async () => void (browser = await openBrowser()))
afterAll(() => browser.close())

describe('the page', () => {
  it('starts the first run, shows how far it is, and what came of it', async () => {
    await using at = await openServer({}, { batchSize: 40 })
    const held = await holdRuns(at)
    await using opened = await openPage(browser, at.url)
    const { page, complaints } = opened

    await page.getByRole('heading', { name: 'Nothing has been copied yet.' }).waitFor()
    await page.getByRole('button', { name: 'Start the first run' }).click()
    await page.getByRole('heading', { name: 'An incremental run is at work' }).waitFor()
    expect(await page.getByRole('button', { name: 'Sync now' }).isDisabled()).toBe(true)
    await held.letGo()
    await page.getByText('Done').first().waitFor()

    await page.getByRole('heading', { name: /in step|Working/ }).waitFor()
    expect(await page.locator('#live').isHidden()).toBe(true)
    expect(await page.locator('.list .changed').first().textContent()).toBe('482 new')
    expect(await differences(at)).toEqual([])
    expect(complaints).toEqual([])
  })

  it('moves the bar of a full load, which is asked for twice', async () => {
    let step: (rows: number) => void = () => undefined
    await using at = await openServer({
      startRun: ({ loadType, onStart, onProgress, signal }) =>
        new Promise((_, reject) => {
          expect(loadType).toBe('full')
          void at.target
            .query(
              `insert into etl_control (load_type, triggered_by) values ('full', 'api') returning execution_id::text`,
            )
            .then(([row]) => onStart(String(row?.['execution_id'])))
          step = (rowsExtracted) => onProgress({ phase: 'load', rowsExtracted, rowsExpected: 5000 })
          signal.addEventListener('abort', () => reject(new Error('stopped')))
        }),
    })
    await at.target.query(history)
    await using opened = await openPage(browser, at.url)
    const { page } = opened

    await page.getByRole('button', { name: 'Full load' }).click()
    const start = page.getByRole('button', { name: 'Start the full load' })
    expect(await start.isDisabled()).toBe(true)
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Full load' }).click()
    await page.getByLabel('Yes, read everything').check()
    await start.click()

    await page.getByRole('heading', { name: 'A full load is at work' }).waitFor()
    step(1000)
    await page.getByText('1,000 of about 5,000 rows').waitFor()
    const bar = page.getByRole('progressbar')
    expect(await bar.getAttribute('value')).toBe('0.2')
    step(4000)
    await page.getByText('4,000 of about 5,000 rows').waitFor()
    expect(await bar.getAttribute('value')).toBe('0.8')
  })

  it('shows a failure, and why', async () => {
    await using at = await openServer()
    await at.sync()
    await at.source.query('drop table messages cascade')
    await using opened = await openPage(browser, at.url)
    const { page, complaints } = opened

    await page.getByRole('button', { name: 'Sync now' }).click()

    await page.locator('.list summary', { hasText: 'What is to be read does not exist' }).click()
    await page.getByRole('heading', { name: 'Why it failed' }).waitFor()
    await page.locator('.failure code', { hasText: 'RELATION_MISSING' }).waitFor()
    await page.getByText('The last run failed.', { exact: false }).first().waitFor()
    expect(complaints).toEqual([])
  })

  it('says so when a run cannot begin, and keeps what it shows', async () => {
    await using at = await openServer({}, { target: 'postgresql://nobody@127.0.0.1:1/none', retryBudget: 0 })
    await at.target.query(history)
    await using opened = await openPage(browser, at.url)
    await opened.page.getByRole('button', { name: 'Sync now' }).click()
    await opened.page.getByRole('alert').getByText('The target database did not answer').waitFor()
    expect(await opened.page.locator('.list details').count()).toBe(12)
    // Looking again does not take the words away; who has read them does.
    const looked = opened.page.waitForResponse((response) => response.url().includes('api/health'))
    await comeBack(opened.page)
    await looked
    await opened.page.getByRole('button', { name: 'Close' }).click()
    await opened.page.getByRole('alert').getByText('did not answer').waitFor({ state: 'detached' })
  })

  it('compares source and target', async () => {
    await using at = await openServer()
    await at.sync()
    await at.target.query('delete from conversas_analytics where conversation_id <= 3')
    await using opened = await openPage(browser, at.url)
    const { page } = opened
    await page.getByText('They have not been compared yet.', { exact: false }).waitFor()
    await page.getByRole('button', { name: 'Compare now' }).click()
    await page.getByText('3 differences').waitFor()
    await page.getByText('missing in the table').waitFor()
  })

  it('lists older runs and the failed ones, by keyboard as well', async () => {
    await using at = await openServer()
    await at.target.query(history)
    await using opened = await openPage(browser, at.url)
    const { page } = opened
    const items = page.locator('.list details')
    await items.first().waitFor()
    expect(await items.count()).toBe(12)
    await page.getByRole('button', { name: 'Show older runs' }).click()
    await items.nth(23).waitFor()
    await items.first().locator('summary').focus()
    await page.keyboard.press('Enter')
    await items.first().getByText('Where the time went').waitFor({ state: 'detached' })
    await items.first().getByText('by schedule').waitFor()
    await page.getByRole('group', { name: 'Which runs are listed' }).getByText('Failed').click()
    await expect.poll(() => items.count()).toBe(1)
    await page.locator('.list summary', { hasText: 'did not answer' }).waitFor()
    expect(await page.locator('.plot canvas').count()).toBe(2)
  })

  it('asks for the token once, and keeps it in the tab', async () => {
    const token = 'correct-horse-battery-staple'
    await using at = await openServer({ token })
    await at.target.query(history)
    await using opened = await openPage(browser, at.url)
    const { page, complaints } = opened
    await page.getByLabel('Token').fill('wrong')
    await page.getByRole('button', { name: 'Enter' }).click()
    await page.getByRole('alert').getByText('The server does not know this token.').waitFor()
    await page.getByLabel('Token').fill(token)
    await page.getByRole('button', { name: 'Enter' }).click()
    await page.getByRole('button', { name: 'Sync now' }).waitFor()
    await page.reload()
    await page.getByRole('button', { name: 'Sync now' }).waitFor()
    await page.evaluate('sessionStorage.clear()')
    await comeBack(page)
    await page.getByLabel('Token').fill(token)
    expect(await page.locator('.list details').first().isVisible()).toBe(false)
    await page.keyboard.press('Enter')
    await page.locator('.list details').first().waitFor()
    expect(complaints).toEqual([])
  })

  it('says that the server does not answer, and goes on when it does', async () => {
    await using at = await openServer()
    await at.target.query(history)
    await using opened = await openPage(browser, at.url)
    const { page } = opened
    await page.locator('.list details').first().waitFor()
    await page.context().setOffline(true)
    await comeBack(page)
    await page.getByRole('alert').getByText('The server does not answer.', { exact: false }).waitFor()
    expect(await page.locator('.list details').count()).toBe(12)
    await page.context().setOffline(false)
    await comeBack(page)
    await page.getByText('The server does not answer.', { exact: false }).waitFor({ state: 'detached' })
  })

  it.each([
    ['light', 1440],
    ['dark', 390],
  ] as const)(
    'in %s at %i px can be read and used by everybody, and is no wider than the window',
    async (colorScheme, width) => {
      await using at = await openServer()
      await at.sync()
      await at.target.query(history)
      await at.target.query(
        `update etl_control set started_at = started_at - interval '3 days', completed_at = completed_at - interval '3 days'`,
      )
      await using opened = await openPage(browser, at.url, { colorScheme, viewport: { width, height: 900 } })
      const { page } = opened
      await page.getByRole('heading', { name: 'This needs your attention.' }).waitFor()
      await page.locator('.list summary', { hasText: 'did not answer' }).click()
      expect(await findBarriers(page)).toEqual([])
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
    },
  )
})
