import { describe, expect, it } from 'vitest'

import { MarkdownPage, portuguesePages } from '../fixtures/markdown-page.js'

const englishOf = (path: string) =>
  path === 'README.pt-BR.md' ? 'README.md' : path.replace('docs/pt-BR/', 'docs/')

/** The path of a page in Portuguese, where there is one. */
function portugueseOf(path: string): string {
  const other = path === 'README.md' ? 'README.pt-BR.md' : path.replace(/^docs\//, 'docs/pt-BR/')
  return ['README.pt-BR.md', ...portuguesePages].includes(other) ? other : path
}

describe.each(['README.pt-BR.md', ...portuguesePages])('%s, beside the English page,', (path) => {
  const portuguesePage = new MarkdownPage(path)
  const englishPage = new MarkdownPage(englishOf(path))
  const [english, portuguese] = [englishPage.text, portuguesePage.text]

  it('has the same headings, level by level', () => {
    const levels = (page: MarkdownPage) => page.headings().map(({ level }) => level)
    expect(levels(portuguesePage)).toEqual(levels(englishPage))
  })

  it('has the same code, comments aside', () => {
    expect(codeBlocks(portuguese).map(withoutComments)).toEqual(codeBlocks(english).map(withoutComments))
  })

  it('has the same tables, and the same names in each row', () => {
    expect(tables(portuguese)).toEqual(tables(english))
  })

  it('has as many paragraphs and points under each heading, with the same names', () => {
    expect(sections(portuguese)).toEqual(sections(english))
  })

  it('leads to where the English one leads, in Portuguese where there is Portuguese', () => {
    const own = [portuguesePage.path, englishPage.path]
    const others = (page: MarkdownPage) =>
      page
        .links()
        .map(({ file }) => file)
        .filter((file) => !own.includes(file))
    expect(others(portuguesePage)).toEqual(others(englishPage).map(portugueseOf))
    expect(portuguesePage.links()).toContainEqual({ file: englishPage.path, anchor: undefined })
    expect(englishPage.links()).toContainEqual({ file: portuguesePage.path, anchor: undefined })
  })

  it('leads to as many headings of its own as the English one', () => {
    const inside = (page: MarkdownPage) =>
      page.links().filter(({ file, anchor }) => file === page.path && anchor)
    expect(inside(portuguesePage)).toHaveLength(inside(englishPage).length)
  })
})

it('finds tables and code to compare', () => {
  const texts = ['README.pt-BR.md', ...portuguesePages].map((path) => new MarkdownPage(path).text)
  expect(texts.length).toBeGreaterThan(5)
  expect(texts.flatMap(tables).length).toBeGreaterThan(15)
  expect(texts.flatMap(codeBlocks).length).toBeGreaterThan(20)
})

function codeBlocks(text: string): string[] {
  return [...text.matchAll(/^```\w+\n[^]*?^```$/gm)].map(([block]) => block)
}

/** A comment leaves its place: one that is missing is a difference. */
function withoutComments(block: string): string {
  if (block.startsWith('```sh')) return block.replaceAll(/(^|\s)# .*$/gm, '$1#')
  if (block.startsWith('```ts')) return block.replaceAll(/\/\/ .*$/gm, '//')
  return block.startsWith('```sql') ? block.replaceAll(/-- .*$/gm, '--') : block
}

const withoutCode = (text: string) => text.replaceAll(/^```\w+\n[^]*?^```$/gm, '')

const names = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name).sort()

/** For each table, its rows, each as the names that it holds cell by cell. */
function tables(text: string): string[][][][] {
  return (withoutCode(text).match(/(^\|.*\n)+/gm) ?? []).map((table) =>
    table
      .trim()
      .split('\n')
      .map((row) => row.split(' | ').map(names)),
  )
}

/** For each heading: what stands below it besides tables and code, as numbers and names. */
function sections(text: string) {
  const parts = withoutCode(text)
    .replaceAll(/^\|.*\n/gm, '')
    .split(/^#+ .*\n/m)
  return parts.map((part) => ({
    paragraphs: part.split(/\n{2,}/).filter((paragraph) => paragraph.trim() !== '').length,
    points: (part.match(/^(?:- |\d\. )/gm) ?? []).length,
    names: [...new Set(names(part.replaceAll('\n', ' ').replaceAll('`, `', '` `')))],
  }))
}
