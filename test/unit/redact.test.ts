import { describe, expect, it } from 'vitest'

import { redact } from '../../lib/domain/redact.js'

describe('redact', () => {
  it.each([
    ['postgres://me:p@ss/w?rd@db:5432/etl', 'postgres://[redacted]@db:5432/etl'],
    ['{"url":"redis:\\/\\/:pw@cache","n":1}', '{"url":"redis:\\/\\/[redacted]@cache","n":1}'],
    ['SOURCE_DB_PASSWORD=abc PGUSER=me', 'SOURCE_DB_PASSWORD=[redacted] PGUSER=me'],
    [`password='it\\'s so' user=me`, `password='[redacted]' user=me`],
    ['{"api_access_token":"a\\"b","n":1}', '{"api_access_token":"[redacted]","n":1}'],
    [
      '{"m":"{\\"password\\":\\"a\\\\\\"b\\",\\"n\\":1}"}',
      '{"m":"{\\"password\\":\\"[redacted]\\",\\"n\\":1}"}',
    ],
    ['db.example:5432:etl:me:s3cret', 'db.example:5432:etl:me:[redacted]'],
    ['*:*:*:me:s3:cret', '*:*:*:me:[redacted]'],
    ['to https://hooks.slack.com/services/T0/B0/x1', 'to https://hooks.slack.com/[redacted]'],
    ['Authorization: Bearer abc.def-123', 'Authorization: Bearer [redacted]'],
    ['"authorization": "Basic YTpi"', '"authorization": "[redacted]"'],
    ['{"m":"Oi\\njoão.silva+x@exemplo.com.br\\n+5511912345678"}', '{"m":"Oi\\n[redacted]\\n[redacted]"}'],
    ['?email=me%2Bx%40example.com&n=1', '?email=[redacted]&n=1'],
    ['5511912345678@s.whatsapp.net ligou', '[redacted] ligou'],
    ['tel:+55 (11) 91234-5678.', 'tel:[redacted].'],
  ])('hides %s', (text, hidden) => {
    expect(redact(text)).toBe(hidden)
    expect(redact(hidden)).toBe(hidden)
  })

  it.each([
    'https://example.com/a?next=http://b',
    'Missing password: set SOURCE_DB_PASSWORD.',
    'connect ECONNREFUSED ::1:5432, 2001:db8:1:2:3:4',
    '{"time":"2026-11-24T10:48:56.123+03:00","level":"info"}',
    '2026-11-24T10:48:56+0300 pg@8.23.1 20261124101010',
    'user "me"@"db" wrote +12 rows, "tokens": 3',
  ])('leaves %s alone', (text) => {
    expect(redact(text)).toBe(text)
  })

  it('hides a short secret only where a secret is expected', () => {
    expect(redact('an pw=x, password=an', ['an'])).toBe('an pw=x, password=[redacted]')
  })

  it('hides the longer of two secrets that begin alike', () => {
    expect(redact('abcdef abcd', ['abcd', 'abcdef'])).toBe('[redacted] [redacted]')
  })

  /** Microseconds of this process's CPU, the least of three times, which other processes do not add to. */
  function costOf(unit: string, length: number): number {
    const line = `${unit.repeat(length / unit.length)} postgres://me:pw@db`
    const costs = [1, 2, 3].map(() => {
      const before = process.cpuUsage()
      expect(redact(line, ['p@ss"word'])).not.toContain('me:pw')
      const { user, system } = process.cpuUsage(before)
      return user + system
    })
    return Math.min(...costs)
  }

  const traps = [
    'a',
    '@',
    '://',
    ':// ',
    'a@',
    '%40a.',
    '@a.',
    '\\',
    '\\"',
    'password=',
    `password='\\'`,
    'password="',
  ]
  it.each([
    ...traps,
    ':1:a:a:',
    ':1:z:z: ',
    '+1',
    '+1 2',
    'secret\\\\\\"',
    'bearer ',
    'token        ',
    'p@s',
  ])('takes linear time over a long line of %j', (unit) => {
    const [few, many] = [16 * 1024, 128 * 1024].map((length) => costOf(unit, length))
    // Eight times as much for eight times the length; what is quadratic takes 64 times as much.
    expect((many ?? 0) / Math.max(few ?? 0, 2000)).toBeLessThan(30)
  })
})
