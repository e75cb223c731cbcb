import type { LakeName } from '../../postgres/control/lake-lock.js'
import type { Relation } from '../../postgres/driver/catalog.js'
import type { Session } from '../../postgres/driver/session.js'
import type { ResolvedLakeOptions } from '../lake-options.js'
import type { LakeStorage } from '../storage/storage.js'

/** Both sides of a lake: the table and the place. */
export interface LakeContext {
  readonly target: Session
  readonly storage: LakeStorage
  readonly relation: Relation
  readonly options: ResolvedLakeOptions
  readonly name: LakeName
}
