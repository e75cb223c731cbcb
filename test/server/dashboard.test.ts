import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { openBrowser } from '../fixtures/browser.js'
import { refresh, findBarriers, history, openPage } from '../fixtures/dashboard-fixture.js'
import { holdRuns, openServer } from '../fixtures/server-fixture.js'
import { differences } from '../fixtures/sync-fixture.js'
import { chatwootSize } from '../setup/templates.js'

let browser: Browser
beforeAll(async () => void (browser = await openBrowser()))
afterAll(() => browser.close())

describe('the page', () => {
  it('starts the first run, and shows its progress and its result', async () => {
    await using at = await openServer({}, { batchSize: 40 })
    const held = await holdRuns(at)
    await using opened = await openPage(browser, at.url)
    const { page, errors } = opened

    await page.getByRole('heading', { name: 'Nothing has been copied yet.' }).waitFor()
    await page.getByRole('button', { name: 'Start the first run' }).click()
    await page.getByRole('heading', { name: 'An incremental run is in progress' }).waitFor()
    expect(await page.getByRole('button', { name: 'Sync now' }).isDisabled()).toBe(true)
    await held.letGo()
    await page.getByText('Succeeded').first().waitFor()

    await page.getByRole('heading', { name: /up to date|Working/ }).waitFor()
    await expect.poll(() => page.locator('#live').isHidden()).toBe(true)
    await expect.poll(() => page.locator('.list .changed').first().textContent()).toBe(`${chatwootSize} new`)
    expect(await differences(at)).toEqual([])
    expect(errors).toEqual([])
  })

  it('moves the progress bar of a full load, which needs a confirmation', async () => {
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

    await page.getByRole('heading', { name: 'A full load is in progress' }).waitFor()
    step(1000)
    await page.getByText('1,000 of about 5,000 rows').waitFor()
    const bar = page.getByRole('progressbar')
    expect(await bar.getAttribute('value')).toBe('0.2')
    step(4000)
    await page.getByText('4,000 of about 5,000 rows').waitFor()
    expect(await bar.getAttribute('value')).toBe('0.8')
  })

  it('shows a failed run and its error', async () => {
    await using at = await openServer()
    await at.sync()
    await at.source.query('drop table messages cascade')
    await using opened = await openPage(browser, at.url)
    const { page, errors } = opened

    await page.getByRole('button', { name: 'Sync now' }).click()

    await page.locator('.list summary', { hasText: 'A table or view of the source does not exist' }).click()
    await page.getByRole('heading', { name: 'Why it failed' }).waitFor()
    await page.locator('.failure code', { hasText: 'RELATION_MISSING' }).waitFor()
    await page.getByText('The last run failed.', { exact: false }).first().waitFor()
    expect(errors).toEqual([])
  })

  it('says so when a run cannot start, and keeps what it shows', async () => {
    await using at = await openServer({}, { target: 'postgresql://nobody@127.0.0.1:1/none', retryBudget: 0 })
    await at.target.query(history)
    await using opened = await openPage(browser, at.url)
    await opened.page.getByRole('button', { name: 'Sync now' }).click()
    await opened.page.getByRole('alert').getByText('The target database did not answer').waitFor()
    expect(await opened.page.locator('.list details').count()).toBe(12)
    // A refresh does not remove the message; the reader does.
    const refreshed = opened.page.waitForResponse((response) => response.url().includes('api/health'))
    await refresh(opened.page)
    await refreshed
    await opened.page.getByRole('button', { name: 'Close' }).click()
    await opened.page.getByRole('alert').getByText('did not answer').waitFor({ state: 'detached' })
  })

  it('compares source and target', async () => {
    await using at = await openServer()
    await at.sync()
    await at.target.query('delete from conversas_analytics where conversation_id <= 3')
    await using opened = await openPage(browser, at.url)
    const { page } = opened
    await page.getByText('Not compared yet.', { exact: false }).waitFor()
    await page.getByRole('button', { name: 'Compare now' }).click()
    await page.getByText('3 differences').waitFor()
    await page.getByText('missing from the table').waitFor()
  })

  it('shows each lake, and why one failed', async () => {
    await using at = await openServer()
    await at.target.query(history)
    await using opened = await openPage(browser, at.url)
    const { page, errors } = opened
    await page.locator('.list details').first().waitFor()
    expect(await page.locator('#lakes').isHidden()).toBe(true)
    await at.target.query(`
      insert into etl_lakes (pipeline, lake, table_name, version, equal_at)
      values ('conversations', '/data/lake', 't', 3, now() - interval '3 hours'), ('conversations', 's3://b/<i>', 't', null, null);
      update etl_lakes set failed_at = now(), error_code = 'STORAGE_FAILED', error_message = 'No answer.' where version is null;
      insert into etl_lake_versions values ('conversations', '/data/lake', 3, now(), now(), 'rows have changed', '{}', 1, 1, 1, 1, 30, 5000000, 6, 5)`)
    await refresh(page)
    const card = page.locator('#lakes')
    for (const text of [
      '/data/lake',
      'Version 3',
      '3 hours ago',
      '5MB',
      's3://b/<i>',
      'No version yet',
      'No answer.',
    ])
      await card.getByText(text, { exact: false }).first().waitFor()
    expect(await findBarriers(page)).toEqual([])
    expect(errors).toEqual([])
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
    await items.first().getByText('on schedule').waitFor()
    await page.getByRole('group', { name: 'Which runs the list shows' }).getByText('Failed').click()
    await expect.poll(() => items.count()).toBe(1)
    await page.locator('.list summary', { hasText: 'did not answer' }).waitFor()
    expect(await page.locator('.plot canvas').count()).toBe(2)
  })

  it('asks for the token once, and keeps it in the tab', async () => {
    const token = 'correct-horse-battery-staple'
    await using at = await openServer({ token })
    await at.target.query(history)
    await using opened = await openPage(browser, at.url)
    const { page, errors } = opened
    await page.getByLabel('Token').fill('wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').getByText('The token is not valid.').waitFor()
    await page.getByLabel('Token').fill(token)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('button', { name: 'Sync now' }).waitFor()
    await page.reload()
    await page.getByRole('button', { name: 'Sync now' }).waitFor()
    await page.evaluate('sessionStorage.clear()')
    await refresh(page)
    await page.getByLabel('Token').fill(token)
    expect(await page.locator('.list details').first().isVisible()).toBe(false)
    await page.keyboard.press('Enter')
    await page.locator('.list details').first().waitFor()
    expect(errors).toEqual([])
  })

  it('says that the server is not responding, and recovers when it responds', async () => {
    await using at = await openServer()
    await at.target.query(history)
    await using opened = await openPage(browser, at.url)
    const { page } = opened
    await page.locator('.list details').first().waitFor()
    await page.context().setOffline(true)
    await refresh(page)
    await page.getByRole('alert').getByText('The server is not responding.', { exact: false }).waitFor()
    expect(await page.locator('.list details').count()).toBe(12)
    await page.context().setOffline(false)
    await refresh(page)
    await page.getByText('The server is not responding.', { exact: false }).waitFor({ state: 'detached' })
  })

  it.each([
    ['light', 1440],
    ['dark', 390],
  ] as const)('in %s at %i px is accessible, and no wider than the window', async (colorScheme, width) => {
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
  })
})
