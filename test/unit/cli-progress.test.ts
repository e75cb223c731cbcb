import { PassThrough } from 'node:stream'

import { expect, it } from 'vitest'

import { barLine, openProgressBar } from '../../bin/output/progress.js'
import { durationText } from '../../lib/domain/quantity-text.js'
import { textWidth, wrap } from '../../bin/output/wrap.js'

const loading = (rowsExtracted: number, rowsExpected: number | null) => ({
  phase: 'load' as const,
  rowsExtracted,
  rowsExpected,
})

it('the bar shows share, rows, rows a second and time left', () => {
  expect(barLine(loading(5000, 20_000), 2500, 79)).toBe(
    '[######------------------]  25%  5,000 rows  2,500 rows/s  6 s left',
  )
})

it('the bar never is wider than the terminal, however little is known', () => {
  for (const width of [0, 1, 20, 59, 79, 119]) {
    for (const rate of [null, 0.001, 1234, 1e9]) {
      for (const expected of [null, 0, 10, 1e9]) {
        expect(barLine(loading(123_456_789, expected), rate, width).length).toBeLessThanOrEqual(width)
      }
    }
  }
  expect(barLine(loading(500, 1000), 100, 59)).toBe('[####----]  50%  500 rows  100 rows/s  5 s left')
})

it('an estimate that was too low never shows more than all', () => {
  expect(barLine(loading(2000, 1000), 100, 59)).toBe('[########]  100%  2,000 rows  100 rows/s  0 s left')
})

it('the bar is erased when it is closed', () => {
  const terminal = Object.assign(new PassThrough(), { columns: 60 })
  const bar = openProgressBar(terminal)
  bar.update({ phase: 'feeds', rowsExtracted: 0, rowsExpected: null })
  bar.close()
  bar.close()
  expect(terminal.read().toString()).toBe('\r\x1b[KFinding changes\r\x1b[K')
})

it('durations are shown in the units that matter', () => {
  expect([0, 0.424, 9.99, 12.4, 59.6, 200, 3900].map((seconds) => durationText(seconds))).toEqual([
    '0 s',
    '0.42 s',
    '9.99 s',
    '12 s',
    '1 min',
    '3 min 20 s',
    '1 h 5 min',
  ])
})

it('text is as wide as the terminal, at most 100, and 80 where that does not know its width', () => {
  expect(
    [undefined, 0, 60, 200].map((columns) => textWidth(columns === undefined ? {} : { columns })),
  ).toEqual([Infinity, 80, 60, 100])
})

it('text is broken at spaces, with a margin', () => {
  expect(wrap('one two three four', 9, 2)).toBe('one two\n  three\n  four')
  expect(wrap('unbreakable-word', 4)).toBe('unbreakable-word')
  expect(wrap('a line\n  and another', 80)).toBe('a line and another')
  expect(wrap('index on "two  spaces" (id)', 80)).toBe('index on "two  spaces" (id)')
})
