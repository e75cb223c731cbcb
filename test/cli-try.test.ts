import { it } from 'vitest'
import pg from 'pg'
import { openPair, openShell } from './cli-fixture.js'
it('tries', async () => {
  await using pair = await openPair(10)
  await using shell = await openShell()
  const b = new pg.Client(pair.source.url); await b.connect()
  await b.query('begin; lock table messages in access exclusive mode')
  const { child, ended } = shell.start(['sync'], pair.variables)
  child.stderr.on('data', (d) => console.log('ERR ' + d))
  await new Promise(r => setTimeout(r, 5000))
  console.log(await pair.source.query('select pid, state, left(query,100) as query, wait_event, wait_event_type from pg_stat_activity where datname=current_database()'))
  child.kill('SIGINT')
  console.log(await Promise.race([ended, new Promise(r => setTimeout(() => r('hangs'), 4000))]))
  console.log(await pair.source.query('select pid, state, left(query,100) as query, wait_event, wait_event_type from pg_stat_activity where datname=current_database()'))
  console.log(await pair.target.query('select pid, state, left(query,100) as query, wait_event, wait_event_type from pg_stat_activity where datname=current_database()'))
  console.log(await pair.target.query('select status, error_code from etl_control'))
  child.kill('SIGKILL')
  await b.end()
}, 20_000)
