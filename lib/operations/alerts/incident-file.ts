import { createHash, randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Incident } from '../../postgres/control/alerts.js'

/** Keeps the one incident that the target cannot record: that the target itself cannot be used. */
export interface IncidentFile {
  /** Undefined when there is none. */
  read(): Promise<Incident | undefined>
  write(incident: Incident): Promise<void>
  remove(): Promise<void>
}

/**
 * The file of a pipeline in this folder, which is created where it is missing. What cannot be read counts as none, as an alert that is sent
 * again does less harm than one that is not sent. Writing and removing reject with the errors of the file system.
 */
export function incidentFile(directory: string, pipeline: string, schema?: string): IncidentFile {
  const scope = schema === undefined ? pipeline : `${pipeline}\0${schema}`
  const name = createHash('sha256').update(scope).digest('hex').slice(0, 16)
  const path = join(directory, `alert_${name}.json`)
  return {
    read: async () => parseIncident(await readPlainFile(path).catch(() => '')),
    write: async (incident) => {
      await mkdir(directory, { recursive: true })
      // Whatever has the name, a link among others, is replaced and not written to.
      const prepared = `${path}.${randomUUID()}`
      try {
        await writeFile(prepared, `${JSON.stringify(incident)}\n`, { mode: 0o600, flag: 'wx' })
        await rename(prepared, path)
      } catch (error) {
        await rm(prepared, { force: true })
        throw error
      }
    },
    remove: () => rm(path, { force: true }),
  }
}

/** Bytes: an incident is one line. */
const longestFile = 64 * 1024

/** Neither follows a link nor waits at a pipe. */
async function readPlainFile(path: string): Promise<string> {
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)
  const file = await open(path, flags)
  try {
    const found = await file.stat()
    return found.isFile() && found.size <= longestFile ? await file.readFile('utf8') : ''
  } finally {
    await file.close()
  }
}

/** An incident that begins now. */
export function unreachableIncident(message: string): Incident {
  return {
    alertId: randomUUID(),
    kind: 'target-unreachable',
    severity: 'critical',
    message,
    openedAt: utcNow(),
    closedAt: null,
    openedSentTo: [],
    closedSentTo: [],
  }
}

/** To the second, as the times of `etl_alerts` are read. */
export function utcNow(): string {
  return new Date().toISOString().slice(0, 19).replace('T', ' ')
}

/** As version 0.1.0 first wrote it. */
interface EarlierNames {
  readonly openedTold?: Incident['openedSentTo']
  readonly closedTold?: Incident['closedSentTo']
}

/** Undefined for a text that is not an incident, such as that of a file whose writing was cut short. */
function parseIncident(text: string): Incident | undefined {
  try {
    const { openedTold, closedTold, ...stored }: Partial<Incident> & EarlierNames = JSON.parse(text)
    const { openedSentTo = openedTold, closedSentTo = closedTold } = stored
    const incident = { ...unreachableIncident(''), ...stored, openedSentTo, closedSentTo }
    return isIncident(incident) ? incident : undefined
  } catch {
    return undefined
  }
}

/** The file may hold anything. */
function isIncident(read: Readonly<Record<keyof Incident, unknown>>): read is Incident {
  const isText = (value: unknown) => typeof value === 'string'
  const isTime = (value: unknown) => isText(value) && /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(String(value))
  const areTexts = (value: unknown) => Array.isArray(value) && value.every(isText)
  return (
    /^[\da-f-]{36}$/i.test(String(read.alertId)) &&
    read.kind === 'target-unreachable' &&
    read.severity === 'critical' &&
    isText(read.message) &&
    isTime(read.openedAt) &&
    (read.closedAt === null || isTime(read.closedAt)) &&
    areTexts(read.openedSentTo) &&
    areTexts(read.closedSentTo)
  )
}
