import { SyncError } from '../domain/errors.js'
import type { ResolvedOptions } from '../options.js'
import { inherit, type Inheritance } from '../postgres/control.js'
import type { Session } from '../postgres/session.js'
import { knownTimeZones } from '../postgres/time-zones.js'
import { lookAtSource, requireNotBehind, type Outlook } from './outlook.js'
import { makePlan, type Plan } from './plan.js'
import { fromJson, type State } from './state.js'

/** Where a pipeline stands: what is read, what the last good run left, and what the source looks like now. */
export interface Baseline {
  readonly plan: Plan
  readonly inherited: Inheritance
  /** State of the last good run, whatever it was of. */
  readonly last: State | undefined
  /** The same if it is of this very relation, filter and time zone. */
  readonly usable: State | undefined
  readonly outlook: Outlook
  readonly timeZones: Readonly<Record<string, boolean>>
}

/** Checks both sides and opens the source's snapshot. Throws what `makePlan` throws, STANDBY_BEHIND and CONFIG_INVALID. */
export async function readBaseline(
  source: Session,
  target: Session,
  options: ResolvedOptions,
): Promise<Baseline> {
  const plan = await makePlan(source, target, options)
  const inherited = await inherit(target, options.pipeline)
  const last = fromJson(inherited.good?.state)
  const usable = inherited.good?.fingerprint === plan.fingerprint ? last : undefined
  const outlook = await lookAtSource(source, usable?.horizon, options)
  requireNotBehind(outlook, last?.horizon)
  const timeZones = await lookUpTimeZones(source, target, outlook, options, usable)
  return { plan, inherited, last, usable, outlook, timeZones }
}

async function lookUpTimeZones(
  source: Session,
  target: Session,
  { timeZones: found }: Outlook,
  { timeZone }: ResolvedOptions,
  last: State | undefined,
): Promise<Record<string, boolean>> {
  const names = timeZone === undefined ? found : [timeZone]
  const known = Object.fromEntries(
    Object.entries(last?.timeZones ?? {}).filter(([name]) => names.includes(name)),
  )
  const unknown = names.filter((name) => known[name] === undefined)
  if (unknown.length === 0) return known
  const [here, there] = await Promise.all([knownTimeZones(source, unknown), knownTimeZones(target, unknown)])
  const looked = Object.fromEntries(unknown.map((name) => [name, here.has(name) && there.has(name)]))
  if (timeZone !== undefined && looked[timeZone] === false) throw unknownTimeZone(timeZone)
  return { ...known, ...looked }
}

function unknownTimeZone(name: string): SyncError {
  return new SyncError(
    'CONFIG_INVALID',
    `timeZone is ${JSON.stringify(name)}, which the servers do not both know.`,
    {
      remedy: 'Name one of pg_timezone_names, such as America/Sao_Paulo.',
    },
  )
}
