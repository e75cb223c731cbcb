import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { errorCodes } from '../../lib/index.js'
import { rejectReasons } from '../../lib/postgres/driver/row-error.js'
import { warningCodes } from '../../lib/server/answer-schemas.js'
import { openBrowser } from '../fixtures/browser.js'
import { history, openPage } from '../fixtures/dashboard-fixture.js'
import { openServer, type Json } from '../fixtures/server-fixture.js'

let browser: Browser
beforeAll(async () => void (browser = await openBrowser()))
afterAll(() => browser.close())

describe('the languages of the page', () => {
  it('are two, each with a text for whatever makes a run fail', async () => {
    const elsewhere = ['CONFIG_INVALID', 'CONFIG_MISSING', 'MIGRATION_FAILED', 'DEMO_SERVER_FAILED']
    const wanted = Object.keys(errorCodes).filter((code) => !elsewhere.includes(code))
    for (const language of ['en', 'pt'] as const) {
      const file = new URL(`../../lib/server/assets/words-${language}.js`, import.meta.url).href
      const [words] = Object.values<Json>(await import(file))
      expect(wanted.filter((code) => !words.errors[code])).toEqual([])
      if (language === 'en') continue
      expect(Object.keys(words.rejectReasons).sort()).toEqual(Object.keys(rejectReasons).sort())
      expect(Object.keys(words.warningTexts).sort()).toEqual(Object.keys(warningCodes).sort())
    }
  })

  it('are shown by a browser whose locale is none', async () => {
    await using at = await openServer()
    await at.target.query(history)
    const before = `
      Object.defineProperty(navigator, 'language', { get: () => 'en-US@posix', configurable: true })
      Object.defineProperty(navigator, 'languages', { get: () => ['en-US@posix'] })`
    await using opened = await openPage(browser, at.url, {}, before)
    await opened.page.getByRole('button', { name: 'Sync now' }).waitFor()
    await opened.page.getByText('Succeeded').first().waitFor()
    expect(opened.errors).toEqual([])
  })

  it('speaks Portuguese where the browser does, numbers and all', async () => {
    await using at = await openServer()
    await at.target.query(history)
    await using opened = await openPage(browser, at.url, { locale: 'pt-BR' })
    const { page } = opened
    await page.getByRole('button', { name: 'Sincronizar agora' }).waitFor()
    expect(await page.locator('html').getAttribute('lang')).toBe('pt-BR')
    expect(await page.locator('.list .changed').first().textContent()).toBe('1.000 novas, 234 atualizadas')
    expect(await page.locator('.list .took').first().textContent()).toBe('1,50\u00a0s')
    await page.locator('.lead strong', { hasText: /^há / }).waitFor()
    await using english = await openPage(browser, at.url)
    await english.page.getByRole('button', { name: 'Sync now' }).waitFor()
  })

  it('shows why rows are rejected, in the language of the reader', async () => {
    await using at = await openServer()
    await at.target.query(
      'alter table conversas_analytics add constraint no_seventh check (conversation_id % 97 <> 0)',
    )
    const { rowsRejected } = await at.sync()
    await using opened = await openPage(browser, at.url, { locale: 'pt-BR' })
    const { page } = opened
    const rejected = page.locator('#rejections')
    await rejected.getByText('a linha viola uma restrição de verificação: no_seventh').waitFor()
    expect(await rejected.locator('.finding').textContent()).toBe(String(rowsRejected))
    await page.locator('.list summary').first().click()
    await page.getByText('O destino rejeitou linhas; cada execução tenta de novo.').waitFor()
  })
})
