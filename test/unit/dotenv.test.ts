import { describe, expect, it } from 'vitest'

import { dotenvLine, parseDotenv } from '../../bin/flags/dotenv.js'

/** What python-dotenv 1.2 returns for each text, with ELSEWHERE=outer in the environment. */
const read: readonly (readonly [text: string, values: Readonly<Record<string, string>>])[] = [
  ['A=abc#123', { A: 'abc#123' }],
  ['A=abc #123', { A: 'abc' }],
  ['A=abc\t# x', { A: 'abc' }],
  ['A=b#c # d', { A: 'b#c' }],
  ['A=#x', { A: '#x' }],
  ['A= #x', { A: '' }],
  ['A=a\\#b', { A: 'a\\#b' }],
  ["A='abc #123' # c", { A: 'abc #123' }],
  ['A="abc #123"  # c', { A: 'abc #123' }],
  ['A=', { A: '' }],
  ['A= ', { A: '' }],
  ['A', {}],
  ['A=1\nA', {}],
  ['A=1\nA=2', { A: '2' }],
  ['A=a b  ', { A: 'a b' }],
  ['  A  =  b  ', { A: 'b' }],
  ['export  A = b', { A: 'b' }],
  ["'A B'=c", { 'A B': 'c' }],
  ["A='it\\'s'", { A: "it's" }],
  ["A='a\\\\b'", { A: 'a\\b' }],
  ["A='a\\nb'", { A: 'a\\nb' }],
  ['A="a\\nb\\t\\"q\\" \\\\ \\$ \\x"', { A: 'a\nb\t"q" \\ \\$ \\x' }],
  ['A="line1\nline2"\nB=1', { A: 'line1\nline2', B: '1' }],
  ['A="unclosed\nB=1', { B: '1' }],
  ["A='x'y\nB=2", { B: '2' }],
  ['A=x "y"', { A: 'x "y"' }],
  ['# only\nA=1', { A: '1' }],
  ['=x\nA=1', { A: '1' }],
  ['A=`b c`', { A: '`b c`' }],
  ['A==b=c', { A: '=b=c' }],
  ['A:b\nA.B=c\nA-B=d', { 'A.B': 'c', 'A-B': 'd' }],
  ['A b=c', {}],
  ['A=1\r\nB=2\r\n', { A: '1', B: '2' }],
  ['A=p@ss:w/ö$%&*', { A: 'p@ss:w/ö$%&*' }],
  [
    'A=1\nB=${A}x\nC=\'${A}\'\nD="${NONE:-d}"\nE=${NONE}\nF=$A',
    { A: '1', B: '1x', C: '1', D: 'd', E: '', F: '$A' },
  ],
  ['ELSEWHERE=file\nA=${ELSEWHERE}', { ELSEWHERE: 'file', A: 'outer' }],
  ['A=${B\nC=1', { A: '${B', C: '1' }],
  // As its releases before 1.2.
  ["A='\\'", { A: '\\' }],
]

describe('a settings file', () => {
  it.each(read)('%j is read as python-dotenv reads it', (text, values) => {
    expect(parseDotenv(text, { ELSEWHERE: 'outer' }).values).toEqual(values)
  })

  it('says which lines hold no setting', () => {
    expect(parseDotenv('A=1\n\n=x\nB="x\n').unread).toEqual([3, 4])
  })

  it.each([
    '',
    'plain',
    'p@ss:w/rd',
    'a b',
    'a#b',
    ' # ',
    `it's "so"`,
    'a\\',
    '\\n',
    '$HOME',
    'ü',
    '`x`',
    'a\nb',
  ])('holds the value %j in a line', (value) => {
    expect(parseDotenv(`${dotenvLine('A', value)}\nB=1`).values).toEqual({ A: value, B: '1' })
  })

  it('cannot hold a value that would be expanded', () => {
    expect(() => dotenvLine('A', 'x${B}')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })
})
