import { converse } from './chatwoot-writer.js'
import { editContact, editConversation } from './marks.js'
import {
  bulk,
  future,
  hesitant,
  hold,
  hotRow,
  patient,
  prepared,
  quick,
  removal,
  savepoints,
  slowInsert,
  stampedBefore,
  tied,
} from './transactions.js'
import type { Mix } from './writer.js'

/** A load that keeps to the assumption of lib/domain/horizon.ts. */
export interface Scenario {
  readonly name: string
  readonly writers: number
  readonly mix: Mix
  /** Milliseconds between two transactions of a writer, at most. */
  readonly rest: number
  /** Another database of the server has a transaction with an id open all the time. (Default: false.) */
  readonly unrelated?: true
  /** What as many writers of another database of the server do meanwhile. (Default: there is none.) */
  readonly elsewhere?: Mix
  /** Share of the runs that are cut off at some moment. (Default: 0.) */
  readonly failing?: number
  /** The source is a Chatwoot, that lives through days or that the writers alone write to. (Default: it is not.) */
  readonly chatwoot?: 'days' | 'writers'
  /** The runs leave what only a scan shows to every eighth of them or so. (Default: false.) */
  readonly scansRarely?: true
  /** The runs read a standby. (Default: false.) */
  readonly standby?: true
}

const typical: Mix = [
  [60, quick],
  [20, patient(50, 1500)],
  [3, savepoints],
  [2, bulk],
  [2, hotRow],
]
const plain = { writers: 5, rest: 40 }
const budget: Omit<Scenario, 'name'> = {
  writers: 6,
  rest: 60,
  mix: [
    [1, converse],
    [6, editConversation],
    [3, editContact],
  ],
  chatwoot: 'writers',
  scansRarely: true,
}

export const scenarios: readonly Scenario[] = [
  { name: 'calm', ...plain, mix: [[1, quick]] },
  { name: 'typical', ...plain, mix: typical },
  { name: 'verylong', ...plain, mix: [...typical, [6, patient(1500, 6000)]] },
  { name: 'quiet', writers: 1, rest: 400, mix: [[1, patient(400, 1600)]] },
  {
    name: 'latexid',
    ...plain,
    mix: [
      [10, quick],
      [3, slowInsert],
      [1, hold],
      [4, hesitant(200, 1500)],
    ],
  },
  // After most of them nothing is written until the next run, which may then believe that there is nothing to read.
  { name: 'lull', writers: 1, rest: 900, mix: [[1, hesitant(100, 900)]] },
  { name: 'future', ...plain, mix: [...typical, [4, future]] },
  { name: 'unrelated', ...plain, mix: typical, unrelated: true },
  {
    name: 'neighbours',
    ...plain,
    mix: typical,
    elsewhere: [
      [3, quick],
      [4, patient(1500, 6000)],
      [2, hesitant(200, 1500)],
      [2, savepoints],
      [2, prepared],
      [1, hold],
    ],
  },
  { name: 'skew', ...plain, mix: [[1, stampedBefore]] },
  {
    name: 'savepoints',
    ...plain,
    mix: [
      [1, quick],
      [2, savepoints],
    ],
  },
  {
    name: 'prepared',
    ...plain,
    mix: [
      [2, quick],
      [2, prepared],
    ],
  },
  { name: 'ties', ...plain, mix: [[1, tied]] },
  {
    name: 'locks',
    ...plain,
    mix: [
      [3, quick],
      [3, hotRow],
      [1, hold],
    ],
  },
  {
    name: 'bulk',
    ...plain,
    mix: [
      [4, quick],
      [1, bulk],
    ],
  },
  { name: 'deletes', ...plain, mix: [...typical, [10, removal]] },
  { name: 'failing', ...plain, mix: [...typical, [4, hesitant(200, 1500)]], failing: 0.3 },
  { name: 'chatwoot', writers: 3, rest: 200, mix: [[1, converse]], chatwoot: 'days' },
  { name: 'budget', ...budget },
  { name: 'budgetcut', ...budget, failing: 0.3 },
  { name: 'budgetdays', ...budget, chatwoot: 'days' },
  // A transaction that writes late exceeds the skew allowed there: the standby does not see when it began.
  {
    name: 'standby',
    ...plain,
    mix: [
      [8, quick],
      [3, patient(50, 1500)],
      [1, savepoints],
    ],
    standby: true,
  },
  {
    name: 'standbylull',
    writers: 2,
    rest: 900,
    mix: [
      [1, quick],
      [1, patient(300, 1500)],
    ],
    standby: true,
  },
]
