import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Incident } from '../../postgres/control/alerts.js'

/** Keeps the one incident that the target cannot record: that the target itself cannot be used. */
export interface IncidentFile {
  /** Undefined when there is none. */
  read(): Promise<Incident | undefined>
  write(incident: Incident): Promise<void>
  remove(): Promise<void>
}

/** The file of a pipeline in this folder, which is created where it is missing. Rejects with the errors of the file system. */
export function incidentFile(directory: string, pipeline: string): IncidentFile {
  const name = createHash('sha256').update(pipeline).digest('hex').slice(0, 16)
  const path = join(directory, `alert_${name}.json`)
  return {
    read: async () => {
      const text = await readFile(path, 'utf8').catch((error: unknown) => {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
        throw error
      })
      return parseIncident(text)
    },
    write: async (incident) => {
      await mkdir(directory, { recursive: true })
      await writeFile(path, `${JSON.stringify(incident)}\n`, { mode: 0o600 })
    },
    remove: () => rm(path, { force: true }),
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
    if (!Array.isArray(openedSentTo) || !Array.isArray(closedSentTo)) return undefined
    return { ...unreachableIncident(''), ...stored, openedSentTo, closedSentTo }
  } catch {
    return undefined
  }
}
