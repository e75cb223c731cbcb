import { createInterface } from 'node:readline'

import { SyncError, syncConversations, type SyncOptions } from '../../lib/index.js'
import 'pg-copy-streams'
import 'pg-cursor'
import 'pg'

/** A process that waits for options as one line of JSON, runs once, and says what came of it as another line. */
const say = (fact: unknown) => process.stdout.write(`${JSON.stringify(fact)}\n`)

say('ready')
for await (const line of createInterface(process.stdin)) {
  const options: SyncOptions = JSON.parse(line)
  try {
    say({ report: await syncConversations(options) })
  } catch (error) {
    say({ code: error instanceof SyncError ? error.code : String(error) })
  }
  break
}
process.stdin.destroy()
