import type { HorizonState, Probe } from './horizon.js'
import type { Micros } from './micros.js'

/** Microseconds by which the two looks may lie apart: as much is left to the allowance. */
const latency = 1_000_000

/**
 * The last state with its times moved onto the source's clock as it is now. A clock that was set back and has passed the time of the last run
 * again shows nothing of that, but stamps that were given meanwhile lie before that time. By the target's clock more time has passed since, and
 * by so much everything that was noted moves back. What cannot be told is that both clocks were set back at once, as on one machine.
 *
 * A clock that still is behind the last run is left to the horizon, which then reads everything. A standby shows no clock of its own.
 */
export function onClockOf(probe: Probe, last: HorizonState, targetAt: Micros): HorizonState {
  if (probe.mode === 'standby' || probe.at === null || probe.at < last.at) return last
  if (last.targetAt === undefined) return last
  const lost = targetAt - last.targetAt - (probe.at - last.at)
  return lost > latency ? movedBack(last, lost) : last
}

function movedBack(last: HorizonState, by: Micros): HorizonState {
  const points = last.points.map(({ at, next }) => ({ at: at - by, next }))
  const bounds = [...last.bounds].map(([vxid, at]): [string, Micros | null] => [
    vxid,
    at === null ? null : at - by,
  ])
  return { ...last, at: last.at - by, points, bounds: new Map(bounds) }
}
