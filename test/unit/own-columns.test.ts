import { readdirSync, readFileSync } from 'node:fs'

import { expect, it } from 'vitest'

import { ownColumns, ownLeaves, rowColumns } from '../../lib/chatwoot/columns.js'

const folder = new URL('../../db/chatwoot/', import.meta.url)
const textOf = (file: string) => readFileSync(new URL(file, folder), 'utf8').replaceAll(/^\s*--.*\n/gm, '')
const columnsOf = (text: string) =>
  new Set([...text.matchAll(/\bc\.([a-z_]+)/g)].map(([, name]) => String(name)))

const scan = textOf('scan-conversations.sql')
const rows = readdirSync(folder)
  .filter((file) => file.includes('row') && file !== 'row-absent.sql')
  .map(textOf)

it('a scan compares every column of conversations that the row reads, and its labels', () => {
  const compared = columnsOf(scan + textOf('row-labels.sql'))
  expect(compared).toEqual(columnsOf(rows.join('\n')))
})

it('what is compared are the columns of the scan, each as the row has it', () => {
  const shown = scan.slice(scan.lastIndexOf('select'))
  const named = [...shown.matchAll(/(?:\bas |\bc\.)([a-z_]+),?$/gm)].map(([, name]) => name)
  expect(new Set(named)).toEqual(new Set(ownColumns))
  expect(ownColumns.filter((name) => !rowColumns.includes(name))).toEqual([])
  const row = textOf('conversation-row.sql')
  const expressions = [...shown.matchAll(/^ +(.+?),?$/gm)]
    .map(([, line]) => String(line))
    .filter((line) => / as |^c\./.test(line))
  expect(expressions.filter((line) => !row.includes(`${line},\n`))).toEqual([])
})

it('what may be protected without a look at every conversation is read for no other column', () => {
  const leaf = /\bc\.(?:uuid|custom_attributes|additional_attributes)\b/
  const lines = textOf('conversation-row.sql')
    .split('\n')
    .filter((line) => leaf.test(line))
  const columns = lines.map((line) => /([a-z_]+),$/.exec(line)?.[1])
  expect(new Set(columns)).toEqual(new Set(ownLeaves.filter((name) => name !== 'labels')))
})
