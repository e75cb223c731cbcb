import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { openBrowser } from '../fixtures/browser.js'
import { history, openPage } from '../fixtures/dashboard-fixture.js'
import { openServer } from '../fixtures/server-fixture.js'

let browser: Browser
beforeAll(async () => void (browser = await openBrowser()))
afterAll(() => browser.close())

it('the page shows names and messages as text, never as HTML', async () => {
  await using at = await openServer()
  const hostile =
    '<img src="https://example.com/x" onerror="document.title=1"><script>document.title=1</script>'
  await at.sync()
  await at.target.query(history)
  await at.target.query(
    `update etl_control
       set error_message = $1, warnings = jsonb_build_array(jsonb_build_object('code', 'HELD_BACK', 'message', $1::text))
       where status = 'failed'`,
    [hostile],
  )
  await at.target.query(
    `insert into etl_rejects (pipeline, row_key, sql_state, message, column_name) values ('conversations', $1, '23514', $1, $1)`,
    [hostile],
  )
  await using opened = await openPage(browser, at.url)
  const { page, errors } = opened
  await page.locator('.list summary', { hasText: 'did not answer' }).click()
  await page.locator('.list details[open]').getByText(hostile).first().waitFor()
  await page.locator('#rejections').getByText(hostile).first().waitFor()
  expect(await page.locator('main img, main script').count()).toBe(0)
  expect(await page.title()).not.toBe('1')
  expect(errors).toEqual([])
})
