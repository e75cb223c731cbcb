import { readdirSync } from 'node:fs'

import { expect, it } from 'vitest'

import { MarkdownPage, names, readText } from '../fixtures/markdown-page.js'

it('the page on the doctor has a line for each check that it makes, and for no other', () => {
  const page = new MarkdownPage('docs/doctor.md')
  const listed = [...page.text.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell = '']) => names(cell))
  const folder = 'lib/operations/doctor/'
  const code = readdirSync(new URL(`../../${folder}`, import.meta.url))
    .map((file) => readText(`${folder}${file}`))
    .concat(readText('bin/commands/doctor.ts'))
    .join('\n')
  const made = [
    ...code.matchAll(/'((?:settings|source|target|relation|running)-[a-z-]+|relation|clocks)'/g),
  ].map(([, name = '']) => name)
  const ofEachSide = [...code.matchAll(/`\$\{(?:session\.)?side\}-([a-z]+)`/g)].flatMap(([, name = '']) => [
    `source-${name}`,
    `target-${name}`,
  ])
  expect([...listed].sort()).toEqual([...new Set([...made, ...ofEachSide])].sort())
})
