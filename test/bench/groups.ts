import type { Group } from './bench.js'
import { command } from './cases-command.js'
import { contact } from './cases-contact.js'
import { far, parallel } from './cases-far.js'
import { idle, increment } from './cases-increment.js'
import { lake } from './cases-lake.js'
import { bulk, changed, unchanged } from './cases-load.js'
import { memory } from './cases-memory.js'
import { partition } from './cases-partition.js'
import { pipe } from './cases-pipe.js'
import { verify } from './cases-verify.js'

/** In this order: what changes a source comes behind what wants it at rest. */
export const groups: readonly Group[] = [
  bulk,
  pipe,
  unchanged,
  changed,
  verify,
  memory,
  idle,
  command,
  increment,
  far,
  parallel,
  contact,
  partition,
  lake,
]

/** Throws for a name that there is not. */
export function chooseGroups(names: readonly string[] | undefined): readonly Group[] {
  const unknown = names?.filter((name) => groups.every((group) => group.name !== name)) ?? []
  if (unknown.length > 0) throw new Error(`No such cases: ${unknown.join(', ')}. See --list.`)
  return names ? groups.filter(({ name }) => names.includes(name)) : groups
}
