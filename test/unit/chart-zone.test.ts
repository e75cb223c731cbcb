import { expect, it } from 'vitest'

import { chartZoneOf } from '../../lib/domain/chart-zone.js'

const june = new Date('2026-06-15T12:00:00Z')
const december = new Date('2026-12-15T12:00:00Z')

it.each([
  ['America/Sao_Paulo', 'America/Halifax', 'America/Santiago'],
  ['America/New_York', 'America/New_York', 'America/Bogota'],
  ['America/Manaus', 'America/New_York', 'America/Halifax'],
  ['Europe/Lisbon', 'Europe/London', 'Europe/London'],
  ['UTC', 'Atlantic/Azores', 'Europe/London'],
  ['Europe/Berlin', 'Europe/Amsterdam', 'Europe/Amsterdam'],
  ['Asia/Kathmandu', undefined, undefined],
  ['Nowhere', undefined, undefined],
])(
  'for a reader in %s the charts are those of %s in June and of %s in December',
  (zone, inJune, inDecember) => {
    expect(chartZoneOf(zone, june)).toBe(inJune)
    expect(chartZoneOf(zone, december)).toBe(inDecember)
  },
)
