import { expect, it } from 'vitest'

import { openPair, openShell } from '../fixtures/cli-fixture.js'
import { readTexts } from '../fixtures/sync-fixture.js'

/** What a spreadsheet takes for a formula, a browser for markup, a mail for a header, a chat for a call and a terminal for a command. */
const texts = [
  '=HYPERLINK("https://example.com/","HOSTILE")',
  '+1+HOSTILE',
  '-2+3+cmd|HOSTILE',
  '@SUM(HOSTILE)',
  '\tHOSTILE',
  '\rHOSTILE',
  '<img src=x onerror="HOSTILE">',
  '<!channel> @here *HOSTILE*',
  'HOSTILE\r\nBcc: somebody',
  '\u001b]0;HOSTILE\u0007',
]

it('what people wrote arrives as it is, and is in no output, whatever it could do there', async () => {
  await using pair = await openPair(20)
  await using shell = await openShell()
  const { source, target } = pair
  await source.query(`create function hostile(n bigint) returns text language sql as
    $$ select (array[${texts.map((_, at) => `current_setting('test.t${at}')`).join(',')}])[1 + n % ${texts.length}] $$`)
  const client = await source.pool.connect()
  for (const [at, text] of texts.entries())
    await client.query('select set_config($1, $2, false)', [`test.t${at}`, text])
  await client.query(`
    update messages set content = hostile(id);
    update contacts set name = hostile(id);
    update users set name = hostile(id);
    update inboxes set name = hostile(id);
    update teams set name = hostile(id)`)
  client.release(true)
  await target.query(`alter table conversas_analytics add constraint not_three check (conversation_id <> 3)`)

  const outputs: string[] = []
  const run = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await shell.runBuilt(args, pair.variables)
    outputs.push(stdout, stderr)
    return code
  }
  expect(await run('sync', '--keep-rejected', '--json')).toBe(0)
  const read = 'select conversation_id, contact_name, inbox_name from conversas_analytics order by 1'
  const wanted = `
    select c.id, (select name from contacts where id = c.contact_id), (select name from inboxes where id = c.inbox_id)
    from conversations c where c.id <> 3 order by 1`
  expect(await readTexts(target, read)).toEqual(await readTexts(source, wanted))
  await target.query(`update conversas_analytics set contact_name = 'another', message_compiled = null`)
  expect(await run('verify')).toBe(4)
  for (const command of ['rejects', 'status', 'health', 'doctor']) await run(command)
  await source.query('alter table messages alter column content type integer using length(content)')
  expect(await run('sync', '--full')).toBe(1)
  expect(await run('status', '--json')).toBe(0)
  for (const name of await shell.files().then((names) => names.filter((name) => name === 'logs'))) {
    outputs.push(await shell.read(`${name}/etl/etl_latest.log`))
  }
  const control = `
    select to_jsonb(c)::text from etl_control c
    union all select to_jsonb(v)::text from etl_verification v
    union all select (to_jsonb(r) - 'row_data')::text from etl_rejects r`
  outputs.push(...(await readTexts(target, control)).flat().map(String))

  expect(outputs.join('\n').length).toBeGreaterThan(5000)
  expect(outputs.filter((output) => output.includes('HOSTILE'))).toEqual([])
  const [kept] = await readTexts(target, 'select row_data::text from etl_rejects')
  expect(kept?.[0]).toContain('HOSTILE')
})
