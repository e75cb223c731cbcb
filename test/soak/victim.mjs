import { createInterface } from 'node:readline'

import 'pg-copy-streams'
import 'pg-cursor'
import 'pg'

/** A process that waits for options as one line of JSON, runs once, and says what came of it as another line. The library is its argument. */
const { SyncError, syncConversations } = await import(process.argv[2])
const say = (fact) => process.stdout.write(`${JSON.stringify(fact)}\n`)

say('ready')
for await (const line of createInterface(process.stdin)) {
  try {
    say({ report: await syncConversations(JSON.parse(line)) })
  } catch (error) {
    say({ code: error instanceof SyncError ? error.code : String(error) })
  }
  break
}
process.stdin.destroy()
