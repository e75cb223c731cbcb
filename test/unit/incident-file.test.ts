import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

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

/** Replaces the content of the one file of the folder. */
async function overwrite(text: string): Promise<void> {
  const [name = ''] = await readdir(directory)
  await writeFile(join(directory, name), text)
}
