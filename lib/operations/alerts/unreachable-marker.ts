import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Incident } from '../../postgres/control/alerts.js'

/** The one incident that the database cannot keep: that it cannot be used itself. */
export interface Marker {
  /** The incident, if it was seen before. */
  read(): Promise<Incident | undefined>
  write(incident: Incident): Promise<void>
  remove(): Promise<void>
}

/** Kept as a file, one for each pipeline. Throws what the file system says against it. */
export function openMarker(directory: string, pipeline: string): Marker {
  const name = createHash('sha256').update(pipeline).digest('hex').slice(0, 16)
  const path = join(directory, `alert_${name}.json`)
  return {
    read: async () => {
      const text = await readFile(path, 'utf8').catch((error: unknown) => {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
        throw error
      })
      return text === undefined ? undefined : parsed(text)
    },
    write: async (incident) => {
      await mkdir(directory, { recursive: true })
      await writeFile(path, `${JSON.stringify(incident)}\n`, { mode: 0o600 })
    },
    remove: () => rm(path, { force: true }),
  }
}

/** An incident that begins now. */
export function newIncident(message: string, now = new Date()): Incident {
  return {
    alertId: randomUUID(),
    kind: 'target-unreachable',
    severity: 'critical',
    message,
    openedAt: now.toISOString().slice(0, 19).replace('T', ' '),
    closedAt: null,
    openedTold: [],
    closedTold: [],
  }
}

/** A file that was cut off is none. */
function parsed(text: string): Incident | undefined {
  try {
    const incident: Incident = JSON.parse(text)
    return incident
  } catch {
    return undefined
  }
}
