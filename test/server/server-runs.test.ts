import { describe, expect, it } from 'vitest'

import { syncConversations } from '../../lib/index.js'
import { readStatus } from '../../lib/operations/status.js'
import { differences } from '../fixtures/sync-fixture.js'
import { ended, holdRuns, openServer, until, whenFree } from '../fixtures/server-fixture.js'
import { chatwootSize } from '../setup/templates.js'

describe('a run started by REST', () => {
  it('is answered with its id while it runs, and does what any run does', async () => {
    await using at = await openServer()
    const held = await holdRuns(at)

    const answer = await at.post('api/runs', { loadType: 'full' })

    expect(answer.status).toBe(202)
    const { executionId } = answer.json
    expect(answer.json).toEqual({ executionId, loadType: 'full', status: 'running' })
    expect(answer.headers.get('location')).toBe(`runs/${executionId}`)
    expect((await at.ask(`api/runs/${executionId}`)).json).toMatchObject({
      status: 'running',
      triggeredBy: 'api',
    })
    await held.letGo()
    expect(await ended(at, executionId)).toMatchObject({ status: 'success', rowsInserted: chatwootSize })
    expect(await differences(at)).toEqual([])
  })

  it('is rejected with the id of the one in progress', async () => {
    await using at = await openServer()
    const held = await holdRuns(at)
    const first = await at.post('api/runs')

    const answers = await Promise.all([
      at.post('api/runs'),
      at.post('api/runs', { loadType: 'full' }),
      at.post('api/verify'),
    ])

    for (const { status, type, json } of answers) {
      expect({ status, code: json.code }).toEqual({ status: 409, code: 'LOCKED' })
      expect(type).toContain('application/problem+json')
    }
    expect(answers[0]?.json.executionId).toBe(first.json.executionId)
    await held.letGo()
    await ended(at, first.json.executionId)
    expect((await whenFree(() => at.post('api/runs'))).status).toBe(202)
  })

  it('is rejected while another process has one, and leaves no row', async () => {
    await using at = await openServer()
    const held = await holdRuns(at)
    const other = syncConversations({ source: at.source.url, target: at.target.url })
    await until(async () => (await readStatus({ target: at.target.url }))[0])

    const { status, json } = await at.post('api/runs')

    expect({ status, code: json.code }).toEqual({ status: 409, code: 'LOCKED' })
    await held.letGo()
    const report = await other
    expect((await at.ask('api/runs')).json.runs).toEqual([report])
  })

  it('that fails says why in its row, without a stack trace', async () => {
    await using at = await openServer()
    await at.source.query('drop table messages cascade')
    const { json } = await at.post('api/runs')
    const run = await ended(at, json.executionId)
    expect(run).toMatchObject({ status: 'failed', errorCode: 'RELATION_MISSING' })
    expect(JSON.stringify(run)).not.toMatch(/\bat .*\.ts:\d/)
  })

  it('that cannot start is answered with the problem at once, without a retry', async () => {
    const retries: unknown[] = []
    await using at = await openServer(
      {},
      {
        target: 'postgresql://nobody:secret@127.0.0.1:1/none',
        retryBudget: 3_600_000,
        onRetry: (retry) => void retries.push(retry),
      },
    )
    const { status, json, text } = await at.post('api/runs')
    expect({ status, code: json.code, retries }).toEqual({
      status: 503,
      code: 'TARGET_UNREACHABLE',
      retries: [],
    })
    expect(text).not.toContain('secret')
  })

  it('that has its id retries like any other', async () => {
    const retries: string[] = []
    await using at = await openServer(
      {},
      {
        source: 'postgresql://nobody:secret@127.0.0.1:1/none',
        retryBudget: 3_600_000,
        onRetry: ({ code }) => void retries.push(code),
      },
    )
    const { status, json } = await at.post('api/runs')
    await until(async () => retries[1])
    expect({ status, code: retries[0] }).toEqual({ status: 202, code: 'SOURCE_UNREACHABLE' })
    expect((await at.ask(`api/runs/${json.executionId}`)).json).toMatchObject({ status: 'running' })
  })

  it('is closed as failed when the server stops, and the next one resumes', async () => {
    await using at = await openServer({}, { batchSize: 50 })
    const held = await holdRuns(at)
    const { json } = await at.post('api/runs')
    const closing = at.server.close()
    await held.letGo()
    await closing
    const [run] = await readStatus({ target: at.target.url })
    expect(run).toMatchObject({ executionId: json.executionId, status: 'failed', errorCode: 'ABORTED' })
    await at.sync()
    expect(await differences(at)).toEqual([])
  })
})

describe('the list of runs', () => {
  it('is paged, newest first, and filtered by status and load type', async () => {
    await using at = await openServer()
    await at.target.query(`
      insert into etl_control (load_type, status, started_at, completed_at, error_code)
      select
        case when n % 2 = 0 then 'full' else 'incremental' end,
        case when n % 5 = 0 then 'failed' else 'success' end,
        '2026-11-24 12:00Z'::timestamptz + n / 2 * interval '1 minute',
        now(),
        case when n % 5 = 0 then 'ABORTED' end
      from generate_series(1, 25) n`)
    const all = (await at.ask('api/runs?limit=200')).json.runs
    const paged: unknown[] = []
    for (let next: string | null = ''; next !== null;) {
      const { json } = await at.ask(`api/runs?limit=7${next && `&cursor=${next}`}`)
      paged.push(...json.runs)
      next = json.next
    }
    expect(paged).toEqual(all)
    expect(all.map(({ startedAt }: { startedAt: string }) => startedAt)).toEqual(
      all
        .map(({ startedAt }: { startedAt: string }) => startedAt)
        .toSorted()
        .toReversed(),
    )
    expect(all).toHaveLength(25)
    expect((await at.ask('api/runs?status=failed&loadType=full')).json.runs).toHaveLength(2)
    expect((await at.ask('api/runs?status=running')).json).toEqual({ runs: [], next: null })
  })

  it.each(['limit=0', 'limit=201', 'limit=ten', 'status=lost', 'cursor=1', 'limit=1&limit=2', 'colour=red'])(
    'is rejected for %s',
    async (query) => {
      await using at = await openServer()
      const { status, json } = await at.ask(`api/runs?${query}`)
      expect({ status, code: json.code }).toEqual({ status: 400, code: 'BAD_REQUEST' })
    },
  )

  it('is read from the database once for a crowd', async () => {
    let asked = 0
    const readRuns = async () => ({ runs: [], next: String((asked += 1)) })
    await using at = await openServer({ readRuns })
    const answers = await Promise.all(Array.from({ length: 100 }, () => at.ask('api/runs')))
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    expect(asked).toBeLessThan(5)
  })

  it('is available again after the connection to the database was lost', async () => {
    await using at = await openServer()
    await at.ask('api/runs')
    await at.target.query(`
      select pg_terminate_backend(pid)
      from pg_stat_activity
      where application_name = 'chatwoot-sync serve'
        and datname = current_database()`)
    expect(await until(async () => ((await at.ask('api/runs')).status === 200 ? true : undefined))).toBe(true)
  })
})

describe('the events of a run', () => {
  it('are its progress, and its report at the end', async () => {
    await using at = await openServer({}, { batchSize: 20 })
    const held = await holdRuns(at)
    const { json } = await at.post('api/runs', { loadType: 'full' })
    const listening = at.ask(`api/runs/${json.executionId}/events`)
    await held.letGo()
    const { type, text } = await listening
    expect(type).toContain('text/event-stream')
    const events = parseEvents(text)
    expect(events.at(-1)).toEqual({ event: 'end', data: await ended(at, json.executionId) })
    expect(events.filter(({ event }) => event === 'end')).toHaveLength(1)
  })

  it('of another process are read from its row', async () => {
    await using at = await openServer()
    const report = await at.sync()
    const { text } = await at.ask(`api/runs/${report.executionId}/events`)
    expect(parseEvents(text)).toEqual([{ event: 'end', data: report }])
  })

  it('show its progress while it runs', async () => {
    const progress: unknown[] = []
    await using at = await openServer({
      startRun: async ({ onStart, onProgress, signal }) => {
        onStart('11111111-1111-4111-8111-111111111111')
        for (let rows = 0; !signal.aborted; rows++) {
          onProgress({ phase: 'load', rowsExtracted: rows, rowsExpected: 1000 })
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
        throw new Error('stopped')
      },
    })
    const { json } = await at.post('api/runs')
    const response = await fetch(`${at.url}api/runs/${json.executionId}/events`)
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    while (progress.length < 2) {
      text += (await reader?.read())?.value ?? ''
      progress.splice(0, progress.length, ...parseEvents(text))
    }
    expect(progress[0]).not.toEqual(progress[1])
    await at.server.close()
    // The stream of a server that stops ends, so that nobody waits for it.
    while (!(await reader?.read())?.done) continue
  })

  it('of an unknown run are not found', async () => {
    await using at = await openServer()
    const { status } = await at.ask('api/runs/11111111-1111-4111-8111-111111111111/events')
    expect(status).toBe(404)
  })
})

function parseEvents(text: string): { event: string; data: unknown }[] {
  return [...text.matchAll(/event: (.*)\ndata: (.*)\n\n/g)].map(([, event = '', data = '']) => ({
    event,
    data: JSON.parse(data) as unknown,
  }))
}
