import { expect, it } from 'vitest'

import { WireError } from '../../lib/postgres/driver/wire-error.js'
import { guardWire } from '../../lib/postgres/driver/wire-guard.js'
import { accepted, message } from '../fixtures/hostile-server.js'

const row = message('D', Buffer.from([0, 1]), 4, Buffer.from('abcd'))
const done = Buffer.concat([message('C', 'SELECT 1'), message('Z', Buffer.from('I'))])
const error = message('E', Buffer.from('SERROR\0C42P01\0Mno such relation\0\0'))
const faultOf = (work: () => void) => {
  try {
    work()
    return undefined
  } catch (thrown) {
    return thrown instanceof WireError ? thrown.fault : thrown
  }
}

it.each([1, 2, 3, 5, 7, 1000])('lets a server speak in pieces of %i bytes', (size) => {
  const check = guardWire({ allowsCleartext: () => false })
  const all = Buffer.concat([
    accepted,
    row,
    row,
    done,
    error,
    done,
    message('N', Buffer.from([0])),
    row,
    done,
  ])
  for (let at = 0; at < all.length; at += size) check(all.subarray(at, at + size))
})

it('counts the rows of one answer, and begins again with the next', () => {
  const check = guardWire({ allowsCleartext: () => false, maxAnswer: 1000 })
  check(accepted)
  for (let answer = 0; answer < 5; answer += 1) {
    for (let count = 0; count < 8; count += 1) check(row)
    check(answer % 2 === 0 ? done : message('s'))
  }
  expect(faultOf(() => Array.from({ length: 20 }, () => check(row)))).toBe('too-large')
})

it('takes a row of nearly a gigabyte, and no message that is longer', () => {
  const head = (length: number) => {
    const bytes = Buffer.from('D    ')
    bytes.writeUInt32BE(length, 1)
    return bytes
  }
  const guard = () => guardWire({ allowsCleartext: () => false, isAccepted: true })
  expect(faultOf(() => guard()(head(2 ** 30)))).toBeUndefined()
  expect(faultOf(() => guard()(head(2 ** 30 + 5)))).toBe('malformed')
  expect(faultOf(() => guard()(head(2 ** 32 - 1)))).toBe('malformed')
  expect(faultOf(() => guard()(head(3)))).toBe('malformed')
})

it('finds the end of an error, or that there is none', () => {
  const check = (body: string) =>
    faultOf(() => guardWire({ allowsCleartext: () => false })(message('E', Buffer.from(body))))
  expect(check('SERROR\0Mx\0\0')).toBeUndefined()
  expect(check('SERROR\0Mx\0')).toBe('malformed')
  expect(check('SERROR\0Mx')).toBe('malformed')
  expect(check('')).toBe('malformed')
})
