import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import module from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { enableCompileCache } from '../../bin/process/compile-cache.js'

const own: unknown = Reflect.get(module, 'enableCompileCache')
const enabled = vi.fn()
let home: string

beforeEach(() => {
  home = mkdtempSync(join(realpathSync(tmpdir()), 'compile-cache-'))
  enabled.mockReset()
  Reflect.set(module, 'enableCompileCache', enabled)
  vi.stubEnv('XDG_CACHE_HOME', undefined)
  vi.stubEnv('HOME', home)
})

afterEach(() => {
  rmSync(home, { recursive: true })
  vi.unstubAllEnvs()
  if (own === undefined) Reflect.deleteProperty(module, 'enableCompileCache')
  else Reflect.set(module, 'enableCompileCache', own)
})

/** The folder that Node was told to use; undefined for none. */
function chosen(): unknown {
  enableCompileCache()
  expect(enabled.mock.calls.every(([folder]) => folder !== undefined)).toBe(true)
  return enabled.mock.calls[0]?.[0]
}

it('keeps compiled code in a folder that nobody else can enter', () => {
  const folder = join(home, '.cache/chatwoot-sync')
  expect(chosen()).toBe(folder)
  expect(statSync(folder).mode & 0o777).toBe(0o700)
  expect(chosen()).toBe(folder)
})

it('follows XDG_CACHE_HOME, by its real path', () => {
  mkdirSync(join(home, 'elsewhere'))
  symlinkSync('elsewhere', join(home, 'link'))
  vi.stubEnv('XDG_CACHE_HOME', join(home, 'link'))
  expect(chosen()).toBe(join(home, 'elsewhere/chatwoot-sync'))
})

it.each([0o770, 0o707, 0o755])('runs nothing from a folder with the mode %o', (mode) => {
  const folder = join(home, '.cache/chatwoot-sync')
  mkdirSync(folder, { recursive: true })
  chmodSync(folder, mode)
  expect(chosen()).toBeUndefined()
})

it('runs nothing from a folder that another user can replace', () => {
  mkdirSync(join(home, '.cache'))
  chmodSync(join(home, '.cache'), 0o777)
  expect(chosen()).toBeUndefined()
})

it.runIf(process.getuid?.() === 0)('runs nothing from a folder of another user', () => {
  mkdirSync(join(home, '.cache/chatwoot-sync'), { recursive: true, mode: 0o700 })
  chownSync(join(home, '.cache/chatwoot-sync'), 12_345, 12_345)
  expect(chosen()).toBeUndefined()
  chownSync(join(home, '.cache'), 12_345, 12_345)
  expect(chosen()).toBeUndefined()
})

it('does without where there is no home', () => {
  vi.stubEnv('HOME', join(home, 'missing'))
  chmodSync(home, 0o777)
  expect(chosen()).toBeUndefined()
})
