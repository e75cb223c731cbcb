import type pg from 'pg'

import { pinnedSettings } from '../driver/pinned-settings.js'
import { processOf } from '../driver/pg-session.js'

/** Those that the driver of dbmate sends itself, and rejects from anybody else. */
const ofDriver = ['DateStyle', 'client_encoding']

/** A setting as the startup parameter `options` takes it: spaces and backslashes in it are escaped. */
export const startupOption = (name: string, value: string): string =>
  `${name}=${value.replaceAll(/[\\\s]/g, '\\$&')}`

/**
 * What a session has to be started with for migrations to mean what they say, whatever the database and the role set: a list for the
 * startup parameter `options`. Empty behind a pooler, which rejects that parameter.
 */
export async function startupOptions(client: pg.Client): Promise<string> {
  const pins = pinnedSettings.filter(({ name }) => !ofDriver.includes(name))
  const { rows } = await client.query<{ name: string }>(
    `
    select wanted.name
    from unnest($1::text[]) wanted (name)
    where current_setting(wanted.name, true) is not null
      and pg_backend_pid() = $2::integer`,
    [pins.map(({ name }) => name), processOf(client) ?? 0],
  )
  const known = new Set(rows.map(({ name }) => name))
  return pins
    .filter(({ name }) => known.has(name))
    .map(({ name, value }) => `-c ${startupOption(name, value)}`)
    .join(' ')
}
