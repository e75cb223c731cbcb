import { expect, it } from 'vitest'

import { openSession } from '../../lib/postgres/driver/connect.js'
import type { Session } from '../../lib/postgres/driver/session.js'
import { knownTimeZones } from '../../lib/postgres/source/probe.js'
import { cloneDatabase } from '../setup/database.js'

const connection = { applicationName: 'test', connectTimeout: 10_000 }

/** What is no zone, or none by this name, although much of it can stand at the end of a time. */
const strangers = [
  ...['Brasilia', 'America/Nowhere', 'America/Argentina', 'America', 'america/sao_paulo', 'utc', 'z', 'BRT'],
  ...[
    'UTC+3',
    'America/Foo3',
    '<-03>3',
    '+03',
    '-03:00',
    'AM',
    'BC',
    'now',
    'noon',
    'allballs',
    'infinity',
    '',
  ],
  ...[
    ' UTC',
    'America/Sao_Paulo ',
    '../America/Lima',
    '/America/Lima',
    "'",
    '\\',
    'posix/UTC',
    'a\u0000'.slice(0, 1),
  ],
]

it('finds every time zone that the server lists, and nothing else that a time could end with', async () => {
  await using database = await cloneDatabase('source', 'template0')
  await using session = await openSession('source', database.url, connection)
  const listed = await database.query<{ name: string }>('select name from pg_timezone_names')
  const names = listed.map(({ name }) => name)

  const known = await knownTimeZones(session, [...names, ...strangers])

  expect(strangers.filter((name) => known.has(name) && !names.includes(name))).toEqual([])
  expect(names.filter((name) => !known.has(name))).toEqual([])
})

it('does not ask the server to list all its time zones for the names that are usual', async () => {
  await using database = await cloneDatabase('source', 'template0')
  await using session = await openSession('source', database.url, connection)
  const [{ release } = { release: 0 }] = await database.query<{ release: number }>(
    `select current_setting('server_version_num')::integer / 10000 as release`,
  )
  const texts: string[] = []
  const watched: Session = {
    ...session,
    rows: (query) => {
      texts.push(query.sql)
      return session.rows(query)
    },
  }

  const known = await knownTimeZones(watched, ['UTC', 'America/Sao_Paulo', 'Brasilia'])

  expect([...known].sort()).toEqual(['America/Sao_Paulo', 'UTC'])
  expect(texts.some((text) => text.includes('pg_timezone_names'))).toBe(release < 16)
})
