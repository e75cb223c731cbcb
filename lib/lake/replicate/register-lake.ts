import { SyncError } from '../../domain/errors.js'
import { markAll } from '../../postgres/control/lake-marks.js'
import { insertLake, readLake, updateLake, type RegisteredLake } from '../../postgres/control/lakes.js'
import { releaseRunLock, takeRunLock } from '../../postgres/control/run-start.js'
import type { Relation } from '../../postgres/driver/catalog.js'
import { qualified } from '../../postgres/driver/search-path.js'
import type { Session } from '../../postgres/driver/session.js'
import { beginWriting } from '../../postgres/driver/transaction.js'
import { createTriggers, dropTriggers, hasTriggers } from '../../postgres/target/lake-triggers.js'
import { readDelta, type DeltaTable } from '../delta/read-delta.js'
import { openParquetWriter } from '../parquet/parquet-writer.js'
import { honoursPutIfAbsent, overwriting } from '../storage/open-storage.js'
import type { LakeStorage } from '../storage/storage.js'
import type { LakeContext } from './lake-context.js'
import { shapeOfLake, type LakeShape } from './lake-shape.js'
import { standingOf, type Standing } from './owner.js'

/** A lake, what its log says of it, and what its next version looks like. */
export interface OpenedLake {
  readonly lake: RegisteredLake
  readonly before: DeltaTable | undefined
  readonly standing: Standing
  readonly shape: LakeShape
}

/**
 * Registers the lake where it is not, once everything else has been checked. One that is new, or whose triggers were lost with a table that
 * was replaced, gets its triggers and a mark that asks for a comparison of every month, both in one transaction: whatever was committed
 * before it, the next snapshot shows, and whatever comes after it marks its months. No run is in progress meanwhile.
 *
 * Throws LOCKED where one is; CONFIG_INVALID for a lake that copies another table; LAKE_TAKEN, LAKE_TYPE_CHANGED and what else is about the
 * place or the columns.
 */
export async function registerLake(context: LakeContext): Promise<OpenedLake> {
  const { target, storage, relation, options, name } = context
  const { without, timestamps, rebuild = false, sinceScratch = false } = options
  const known = await readLake(target, name)
  const isComplete = known !== undefined && (await isMarked(target, relation, known))
  if (known && !isComplete && known.table !== qualified(relation)) throw otherTable(known, relation)
  const before = await readDelta(storage)
  const standing = standingOf(before, known ?? unregistered, storage.place, { takesOver: sinceScratch })
  const shape = shapeOfLake(relation, before, { without, timestamps, rebuild })
  const opened = { before, standing, shape }
  if (known && isComplete) return { ...opened, lake: known }
  if (!known) await tryPlace(storage)
  return { ...opened, lake: await createMarks(context, known) }
}

const unregistered = { lakeId: '', version: null }

/** What would keep every version from being written shows before transactions write marks for it. */
async function tryPlace(storage: LakeStorage): Promise<void> {
  const parquet = await openParquetWriter(storage.staging)
  await parquet[Symbol.asyncDispose]()
  if (await honoursPutIfAbsent(storage)) return
  const { place } = storage
  const { message, remedy } = overwriting(place)
  throw new SyncError('STORAGE_FAILED', message, { remedy, details: { place } })
}

async function createMarks(
  { target, relation, options, name }: LakeContext,
  known: RegisteredLake | undefined,
): Promise<RegisteredLake> {
  const { without = [], timestamps = 'ntz', endpoint, region, pathStyle } = options
  const settings = known?.settings ?? { without, timestamps, endpoint, region, pathStyle }
  const table = qualified(relation)
  await takeRunLock(target, name.pipeline)
  await target.script(beginWriting(options))
  if (known) await updateLake(target, { ...known, table })
  const lakeId = known?.lakeId ?? (await insertLake(target, { ...name, table, settings }))
  const triggers = { table: relation, lakeId, ...name }
  await target.together([...dropTriggers(triggers), ...createTriggers(triggers)])
  await markAll(target, name)
  await target.script(['commit'])
  await releaseRunLock(target, name.pipeline)
  return { ...name, lakeId, table, settings, version: known?.version ?? null }
}

async function isMarked(target: Session, table: Relation, { lakeId }: RegisteredLake): Promise<boolean> {
  const [row] = await target.rows(hasTriggers({ table, lakeId }))
  return row?.complete === true
}

function otherTable({ lake, table }: RegisteredLake, { schema, name }: Relation): SyncError {
  return new SyncError('CONFIG_INVALID', `The lake ${lake} copies ${table}, and not ${schema}.${name}.`, {
    remedy: 'Name another place, or the table that it copies.',
    details: { lake },
  })
}
