import fc from 'fast-check'

const special = [
  ...['\u0001', '\b', '\t', '\n', '\r', '\u001e', '\u001f', '\u007f', '\u0085'],
  ...['\u2028', '\u202e', '\ufeff', '\uffff', '👩‍👩‍👧', 'e\u0301'],
  ...['\\', '.', '"', "'", ',', ';', '{', '}', '[', ']', '$', '%'],
]

/** Any text that PostgreSQL can hold: every code point but NUL and halves of pairs; control characters and separators of COPY often. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 36 }).map((value) => value.replaceAll('\0', '\u0001')),
  fc.string({ unit: fc.constantFrom(...special), maxLength: 30 }),
  fc.constantFrom('', ' ', '\\.', '\\N', 'NULL', 'null', '{}', '=1+1', '<b>', "'; drop table hostile; --"),
)

const digits = fc
  .array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 200 })
  .map((each) => each.join(''))

/** A number as JSON and PostgreSQL write it, with hundreds of digits on either side of the point. */
const number = fc
  .tuple(fc.constantFrom('', '-'), digits, fc.option(digits), fc.option(fc.integer({ min: -300, max: 300 })))
  .map(([sign, whole, fraction, exponent]) => {
    const point = fraction === null ? '' : `.${fraction}`
    return `${sign}${whole.replace(/^0+(?=\d)/, '')}${point}${exponent === null ? '' : `e${exponent}`}`
  })

const numeric = mostly(number, fc.constantFrom('NaN', '0.00', '-0', '1e-16000', '9e131071'))

const double = mostly(
  fc.double({ noDefaultInfinity: true, noNaN: true }).map(String),
  fc.constantFrom('NaN', 'Infinity', '-Infinity', '-0', '5e-324'),
)

const padded = (least: number, most: number) =>
  fc.integer({ min: least, max: most }).map((value) => String(value).padStart(2, '0'))

/** A time from 4713 BC to the last year that there is, in microseconds, or one of the infinite ones. */
const time = mostly(
  fc
    .tuple(
      fc.integer({ min: 1, max: 294276 }),
      padded(1, 12),
      padded(1, 28),
      padded(0, 23),
      fc.integer({ min: 0, max: 999_999 }),
      fc.boolean(),
    )
    .map(([year, month, day, hour, micros, isBefore]) => {
      const era = isBefore && year < 4713 ? ' BC' : ''
      const fraction = String(micros).padStart(6, '0')
      return `${String(year).padStart(4, '0')}-${month}-${day} ${hour}:59:07.${fraction}${era}`
    }),
  fc.constantFrom('infinity', '-infinity', '0001-01-01 00:00:00', '4713-01-01 00:00:00 BC'),
)

/** JSON as a `json` column takes it: numbers of any length, spaces, a key twice, escaped control characters, deep nesting. */
const json = fc.oneof(
  { weight: 40, arbitrary: fc.json({ maxDepth: 4 }) },
  { weight: 20, arbitrary: number },
  {
    weight: 20,
    arbitrary: fc
      .tuple(number, text)
      .map(([value, key]) => `{"n": [${value}, 1.0], ${JSON.stringify(key)} :  ${value}}`),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '"\\u0000"',
      '["\\\\u0000", "\\\\\\u0000", "\\u0001\\uffff"]',
      '{"a": 1, "a": 2}',
      '{"__proto__": {"toJSON": 1}}',
      `${'['.repeat(1000)}1${']'.repeat(1000)}`,
      'null',
    ),
  },
)

/** As `json`, now and then with half of a pair, which jsonb refuses. */
const halves = fc.oneof(
  { weight: 300, arbitrary: json },
  { weight: 1, arbitrary: fc.constantFrom('"\\ud800"', '{"a": "x\\udfff"}', '{"\\udbff": [1]}') },
)

const list = fc
  .array(fc.option(text), { maxLength: 4 })
  .map(
    (texts) =>
      `{${texts.map((each) => (each === null ? 'NULL' : `"${each.replaceAll(/["\\]/g, '\\$&')}"`)).join(',')}}`,
  )

/** One value in ten from `rare`. */
function mostly<T>(common: fc.Arbitrary<T>, rare: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 9, arbitrary: common }, { weight: 1, arbitrary: rare })
}

/** A row whose cells are the texts that PostgreSQL reads them from. */
const row = fc.record({
  body: fc.option(text),
  short: fc.oneof(
    { weight: 300, arbitrary: text },
    { weight: 1, arbitrary: fc.string({ minLength: 41, maxLength: 50 }) },
  ),
  amount: fc.option(numeric),
  ratio: fc.option(double),
  at: fc.option(time),
  seen: fc.option(time),
  day: fc.option(time),
  plain: fc.option(json),
  doc: fc.option(json.map(withoutNul)),
  list: fc.option(list),
  parsed: fc.option(halves),
  loose: fc.oneof({ weight: 300, arbitrary: number }, { weight: 1, arbitrary: text }),
})

export type HostileRow = typeof row extends fc.Arbitrary<infer Row> ? Row : never

/** As many rows as asked for; the seed makes the same ones again. */
export const hostileRows = (seed: number, count: number): HostileRow[] =>
  fc.sample(row, { seed, numRuns: count })

/** What a `varchar(40)` holds is counted in code points. */
export const isTooLong = (value: string): boolean => Array.from(value).length > 40

/** JSON without the escapes of NUL, which jsonb does not know: found by walking over it, escape by escape. */
export function withoutNul(json: string): string {
  return json.replaceAll(/\\(?:u[\da-f]{4}|.)/gi, (escape) => (escape === '\\u0000' ? '' : escape))
}
