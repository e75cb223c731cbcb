import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { afterEach, beforeEach, expect, it } from 'vitest'

import { incidentFile, unreachableIncident } from '../../lib/operations/alerts/incident-file.js'

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'incident-'))
})
afterEach(() => rm(directory, { recursive: true }))

it('returns what was written, and nothing after it was removed', async () => {
  const file = incidentFile(directory, 'conversations')
  expect(await file.read()).toBeUndefined()
  const incident = { ...unreachableIncident('The target cannot be reached.'), openedSentTo: ['slack'] }
  await file.write(incident)
  expect(await file.read()).toEqual(incident)
  await file.remove()
  expect(await file.read()).toBeUndefined()
})

it('reads the file of an earlier version, so that an upgrade neither repeats an alert nor loses its end', async () => {
  const file = incidentFile(directory, 'conversations')
  await file.write(unreachableIncident('x'))
  const {
    openedSentTo: _opened,
    closedSentTo: _closed,
    ...rest
  } = unreachableIncident('The target cannot be reached.')
  await overwrite(JSON.stringify({ ...rest, openedTold: ['slack', 'mail'], closedTold: [] }))
  expect(await file.read()).toEqual({ ...rest, openedSentTo: ['slack', 'mail'], closedSentTo: [] })
})

it('takes a file that was cut short for none', async () => {
  const file = incidentFile(directory, 'conversations')
  await file.write(unreachableIncident('x'))
  await overwrite('{"alertId": "')
  expect(await file.read()).toBeUndefined()
})

it.each(['[]', '7', 'null', '{}', '{"openedSentTo":[1],"closedSentTo":[]}'])(
  'takes %s for none',
  async (text) => {
    const file = incidentFile(directory, 'conversations')
    await file.write(unreachableIncident('x'))
    await overwrite(text)
    expect(await file.read()).toBeUndefined()
  },
)

it.each([
  ['openedAt', 5],
  ['closedAt', 'yesterday'],
  ['kind', 'test'],
  ['alertId', '<!channel>'],
  ['message', { text: 'x' }],
])('takes a file whose %s is %j for none', async (name, value) => {
  const file = incidentFile(directory, 'conversations')
  await file.write(unreachableIncident('x'))
  await overwrite(JSON.stringify({ ...unreachableIncident('x'), [name]: value }))
  expect(await file.read()).toBeUndefined()
})

it('neither reads nor writes what a link leads to, and waits at no pipe', async () => {
  const file = incidentFile(directory, 'conversations')
  await file.write(unreachableIncident('x'))
  const [name = ''] = await readdir(directory)
  const path = join(directory, name)
  await file.remove()
  await writeFile(join(directory, 'elsewhere'), JSON.stringify(unreachableIncident('elsewhere')))
  await symlink('elsewhere', path)
  expect(await file.read()).toBeUndefined()
  await file.write(unreachableIncident('own'))
  expect(await file.read()).toMatchObject({ message: 'own' })
  expect(await readFile(join(directory, 'elsewhere'), 'utf8')).toContain('elsewhere')
  await file.remove()
  await promisify(execFile)('mkfifo', [path])
  expect(await file.read()).toBeUndefined()
  await file.write(unreachableIncident('own'))
  expect(await file.read()).toMatchObject({ message: 'own' })
  await file.remove()
  await mkdir(path)
  expect(await file.read()).toBeUndefined()
  await expect(file.write(unreachableIncident('own'))).rejects.toThrow()
  expect(await readdir(directory)).toHaveLength(2)
})

/** Replaces the content of the one file of the folder. */
async function overwrite(text: string): Promise<void> {
  const [name = ''] = await readdir(directory)
  await writeFile(join(directory, name), text)
}
