import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, it } from 'vitest'

import { readSettings } from '../../bin/flags/settings-file.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'settings-'))
})
afterEach(async () => {
  delete process.env['FIRST_SETTING']
  delete process.env['SECOND_SETTING']
  await rm(folder, { recursive: true })
})

const read = async (content: string | Buffer) => {
  const path = join(folder, 'settings')
  await writeFile(path, content)
  return readSettings(path)
}

it('reads a settings file with a byte order mark and the line ends of Windows', async () => {
  await read('\uFEFFFIRST_SETTING=one\r\nSECOND_SETTING="t wo"\r\n')
  expect(process.env).toMatchObject({ FIRST_SETTING: 'one', SECOND_SETTING: 't wo' })
})

it('lets a variable that is set win over the file, even an empty one', async () => {
  process.env['FIRST_SETTING'] = ''
  await read('FIRST_SETTING=one')
  expect(process.env['FIRST_SETTING']).toBe('')
})

it('rejects a settings file in UTF-16, and says how to save it', async () => {
  const file = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('FIRST_SETTING=one', 'utf16le')])
  await expect(read(file)).rejects.toMatchObject({ code: 'CONFIG_INVALID', remedy: 'Save it as UTF-8.' })
})
