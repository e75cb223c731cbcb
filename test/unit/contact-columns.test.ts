import { readdirSync, readFileSync } from 'node:fs'

import { expect, it } from 'vitest'

import { subjects } from '../../.ci/column-facts.js'
import { contactColumns } from '../../lib/chatwoot/columns.js'

const folder = new URL('../../db/chatwoot/', import.meta.url)
const textOf = (file: string) => readFileSync(new URL(file, folder), 'utf8').replaceAll(/^\s*--.*\n/gm, '')

it('the row shows of its contact what is compared before it is read, and nothing else', () => {
  const row = [...textOf('conversation-row.sql').matchAll(/\bcontact\.(\w+)/g)].map(([, name]) => name)
  expect(new Set(row)).toEqual(new Set([...contactColumns, 'empty_texts']))
})

it('no other part of the row reads contacts but the phone of the one who wrote first', () => {
  const parts = readdirSync(folder).filter((file) => file.includes('row') && file !== 'row-contact.sql')
  const reads = parts.flatMap(
    (file) => textOf(file).match(/.*\b(?:from|join) (?:contacts|companies)\b.*/g) ?? [],
  )
  expect(reads.map((line) => line.trim())).toEqual([
    'else (select phone_number from contacts where id = m.client_sender_id)',
  ])
})

it('the pages say of the columns that are compared that a change of the contact shows in them', () => {
  const facts = subjects.flatMap(({ columns }) => Object.entries(columns))
  const ofContact = facts.flatMap(([name, fact]) =>
    /\b(?:contacts|companies)\./.test(String(fact)) ? [name] : [],
  )
  expect(new Set(ofContact)).toEqual(new Set([...contactColumns, 'client_phone', 'empty_texts']))
})
