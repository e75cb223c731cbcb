import type { EditState, SmallTables } from '../../chatwoot/feeds.js'
import type { HorizonState } from '../../domain/horizon.js'
import type { Protection } from '../../postgres/source/protection.js'
import type { RelationIdentities } from '../../postgres/source/relation-identity.js'
import type { KnownTable } from '../../postgres/target/table-identity.js'

/** How the columns were protected that a run has loaded. */
export interface KeptProtection {
  readonly columns: Readonly<Record<string, Protection>>
  readonly messageTexts: boolean
  /** Loaded columns with personal data that came after the first release; states of earlier releases knew none. */
  readonly personal?: readonly string[]
  /** Of these, what was left out because the options do not name it; see `heldColumns`. */
  readonly held?: readonly string[]
}

/** What a successful run leaves to the next one, kept as JSON in its row of `etl_control`. */
export interface State {
  readonly horizon: HorizonState | undefined
  /** Only of the built-in relation. */
  readonly smallTables: SmallTables | undefined
  readonly edits: EditState | undefined
  /** What is protected was protected in the fingerprints of the small tables too, which earlier releases did not do. */
  readonly hasProtectedNames?: boolean
  /** Time zones of the inboxes, and whether both servers know them. */
  readonly timeZones: Readonly<Record<string, boolean>>
  /** How columns with personal data were protected; see `ProtectionPlan`. */
  readonly protectionDigest?: string | null
  /** The same, by column; earlier releases did not keep it, or only where anything was protected. */
  readonly protection?: KeptProtection | undefined
  /** States of earlier versions lack it. */
  readonly identities?: KnownIdentities
}

/** What a run has read and written, so that the next one notices when it was replaced. */
export interface KnownIdentities extends KnownTable {
  /** The relations that were read, and those below them. */
  readonly relations: RelationIdentities
}

/** Ids of 64 bits become texts and maps become objects. */
export function toJson(state: State): string {
  const text = (_key: string, value: unknown): unknown => {
    if (typeof value === 'bigint') return String(value)
    return value instanceof Map ? Object.fromEntries(value) : value
  }
  return JSON.stringify({ version: 1, ...state }, text)
}

/** Undefined for a state that this version cannot read: then the run is a full load. */
export function fromJson(text: string | null | undefined): State | undefined {
  if (!text) return undefined
  const stored: StoredState = JSON.parse(text)
  if (stored.version !== 1) return undefined
  const { version: _version, horizon, ...rest } = stored
  return { ...rest, horizon: horizon && revive(horizon) }
}

interface StoredState extends Omit<State, 'horizon'> {
  readonly version: number
  readonly horizon?: Stored<HorizonState>
}

type Stored<T> = T extends bigint
  ? string
  : T extends ReadonlyMap<string, infer V>
    ? Record<string, V>
    : T extends object
      ? { readonly [K in keyof T]: Stored<T[K]> }
      : T

function revive({ points, bounds, snapshot, ...rest }: Stored<HorizonState>): HorizonState {
  return {
    ...rest,
    points: points.map(({ at, next }) => ({ at, next: BigInt(next) })),
    bounds: new Map(Object.entries(bounds)),
    snapshot: {
      xmin: BigInt(snapshot.xmin),
      xmax: BigInt(snapshot.xmax),
      next: BigInt(snapshot.next),
      inProgress: snapshot.inProgress.map((xid) => BigInt(xid)),
    },
  }
}
