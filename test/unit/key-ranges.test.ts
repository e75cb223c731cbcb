import { expect, it } from 'vitest'

import { cutRange, keyBefore, pickBorders, rangesAfter } from '../../lib/domain/key-ranges.js'

const whole = { after: null, to: null, reached: null }

it('cuts a range at its borders, and what was loaded of it stays in the first part', () => {
  expect(cutRange({ ...whole, after: '0', reached: '3' }, ['10', '20'])).toEqual([
    { after: '0', to: '10', reached: '3' },
    { after: '10', to: '20', reached: null },
    { after: '20', to: null, reached: null },
  ])
  expect(cutRange(whole, [])).toEqual([whole])
})

it('picks borders with about as many keys between each two, in the order of numbers', () => {
  const keys = Array.from({ length: 100 }, (_, index) => String(index + 1)).reverse()
  expect(pickBorders(keys, 3)).toEqual(['25', '50', '75'])
  expect(pickBorders(['1', '1000000000000'], 1)).toEqual(['1'])
  expect(pickBorders([], 3)).toEqual([])
})

it('leaves out what was loaded, by the range itself or up to a key', () => {
  const ranges = [
    { after: '0', to: '10', reached: '10' },
    { after: '10', to: '20', reached: '12' },
    { after: '20', to: '30', reached: null },
    { after: '30', to: null, reached: '44' },
  ]
  expect(rangesAfter(ranges, '10')).toEqual(ranges.slice(1))
  expect(rangesAfter(ranges, '25')).toEqual([{ after: '20', to: '30', reached: '25' }, ranges[3]])
  expect(rangesAfter(ranges, null)).toEqual(ranges.slice(1))
})

it('knows the key before the least one, unless the type has none', () => {
  expect(keyBefore('1', -32768n)).toBe('0')
  expect(keyBefore('-32767', -32768n)).toBe('-32768')
  expect(keyBefore('-32768', -32768n)).toBeNull()
})
