import { createChatwootSource } from '../../bin/demo/chatwoot-source.js'
import { syncConversations, verifyConversations } from '../../lib/index.js'
import { openArena, type Servers } from './arena.js'
import { plantDifferences } from './planting.js'
import { blank } from './subject.js'
import { openWire } from './wire.js'

export interface PlantedResult {
  readonly rows: number
  /** Bytes that the source sent for a comparison of equal tables, as a share of the bytes of the rows. */
  readonly transferredShare: number
  readonly secondsEqual: number
  readonly secondsDiffering: number
  readonly faults: readonly string[]
}

/** Plants differences in a table of so many conversations, and looks whether they are found and fixed, and nothing else is touched. */
export async function verifyPlanted(servers: Servers, rows: number): Promise<PlantedResult> {
  await using arena = await openArena(servers, blank)
  const { target, sourceUrl, targetUrl } = arena
  await createChatwootSource(sourceUrl, {
    conversations: rows,
    messagesPerConversation: 4,
    now: '2026-01-31T12:00:00Z',
  })
  const options = { source: sourceUrl, target: targetUrl }
  await syncConversations(options)
  await using wire = await openWire(sourceUrl)
  const equal = await verifyConversations({ ...options, source: wire.url })
  const size = await target.query<{ bytes: string }>(
    'select sum(octet_length(c::text)) as bytes from conversas_analytics c',
  )
  const planted = await plantDifferences(target)
  const before = await writersOf(target)
  const found = await verifyConversations({ ...options, repair: true })
  const after = await writersOf(target)
  const touched = [...after].flatMap(([key, writer]) => (before.get(key) === writer ? [] : [key]))
  const again = await verifyConversations(options)
  const transferredShare = wire.received() / Number(size.rows[0]?.bytes ?? 0)
  const faults = [
    ...differing('equal tables', equal, { rowsMissing: 0, rowsStale: 0, rowsExtra: 0 }),
    ...(transferredShare < 0.01 ? [] : [`${transferredShare} of the bytes were transferred`]),
    ...differing('planted', found, { ...planted.report, rowsRepaired: planted.keys.length }),
    ...differing('touched', touched.sort(), [...planted.keys].sort()),
    ...differing('after the repair', again, { rowsMissing: 0, rowsStale: 0, rowsExtra: 0 }),
  ]
  const { durationSeconds: secondsEqual } = equal
  return { rows, transferredShare, secondsEqual, secondsDiffering: found.durationSeconds, faults }
}

type Writers = { query(text: string): Promise<{ rows: { key: string; writer: string }[] }> }

async function writersOf(target: Writers): Promise<Map<string, string>> {
  const { rows } = await target.query(
    'select conversation_id::text as key, xmin::text as writer from conversas_analytics',
  )
  return new Map(rows.map(({ key, writer }) => [key, writer]))
}

/** The names of what is not as expected. */
function differing(what: string, found: object, expected: object): string[] {
  return Object.entries(expected).flatMap(([name, value]) => {
    const has: unknown = Reflect.get(found, name)
    return JSON.stringify(has) === JSON.stringify(value)
      ? []
      : [`${what}: ${name} is ${JSON.stringify(has)} in place of ${JSON.stringify(value)}`]
  })
}
