import { expect, it } from 'vitest'

import { openReceiver } from '../fixtures/alerts-fixture.js'
import { openShell, settings } from '../fixtures/cli-fixture.js'
import { cloneDatabase } from '../setup/database.js'

it('a name or a message from the database cannot steer the terminal', async () => {
  await using target = await cloneDatabase('target')
  await using shell = await openShell()
  const steering = 'a\u001b[2J\u0007b\u009b31m\u202ec'
  await target.query(
    `insert into etl_control (pipeline, load_type, status, error_code, error_message, completed_at, duration_seconds)
     values ($1::text, 'full', 'failed', 'INTERNAL', $1::text, now(), 0)`,
    [steering],
  )
  await target.query(
    `insert into etl_rejects (pipeline, row_key, sql_state, message, column_name) values ($1, $1, '23514', $1, $1)`,
    [steering],
  )
  await using receiver = await openReceiver()
  const databases = { ...settings('SOURCE', target), ...settings('LOCAL', target) }
  const variables = { ...databases, ALERT_WEBHOOK_URL: receiver.url }
  const commands = [
    ['status'],
    ['health', '--pipeline', steering],
    ['sync', '--env', steering],
    ['rejects'],
    ['alerts', 'check', '--pipeline', steering],
  ]
  for (const command of commands) {
    const { stdout, stderr } = await shell.run(command, variables)
    expect(stdout + stderr, command[0]).toContain('\\u001b[2J\\u0007b\\u009b31m\\u202ec')
    expect(stdout + stderr, command[0]).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  }
})
