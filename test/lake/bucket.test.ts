import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { openBucket } from '../../lib/lake/storage/bucket.js'
import { honoursPutIfAbsent, openStorage } from '../../lib/lake/storage/open-storage.js'
import { openStore, type Fault, type Store } from '../fixtures/lake/store.js'
import { openTemporary } from '../fixtures/lake/temporary.js'

beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'key')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'planted-secret')
})
afterEach(() => void vi.unstubAllEnvs())

const bucketOf = ({ endpoint }: Store, prefix = 'lakes/mine/') =>
  openBucket({ bucket: 'data', prefix, endpoint }, { timeout: 300, retryDelay: 1, tries: 3 })

const textOf = ({ objects }: Store, key: string) => objects.get(`data/lakes/mine/${key}`)?.toString()

const unavailable: Fault = { status: 503, code: 'SlowDown' }
const internal: Fault = { status: 500, code: 'InternalError' }

it('moves files into the bucket, reads, fetches, lists page by page and removes them', async () => {
  await using store = await openStore()
  await using bucket = await bucketOf(store)
  expect(bucket.place).toBe('s3://data/lakes/mine')
  for (const path of ['month=2026-01/a.parquet', 'month=2026-01/b.parquet', '_delta_log/0.json', 'z', 'y']) {
    const local = join(bucket.staging, 'x')
    await writeFile(local, `content of ${path}`)
    await bucket.put(path, local)
    await expect(stat(local)).rejects.toMatchObject({ code: 'ENOENT' })
  }
  store.objects.set('data/lakes/mine2/other', Buffer.from(''))
  const listed: string[] = []
  for await (const { path, bytes, modifiedAt } of bucket.list('')) {
    expect(bytes).toBe(`content of ${path}`.length)
    expect(modifiedAt).toEqual(new Date('2026-01-02T03:04:05Z'))
    listed.push(path)
  }
  expect(listed).toEqual([
    '_delta_log/0.json',
    'month=2026-01/a.parquet',
    'month=2026-01/b.parquet',
    'y',
    'z',
  ])
  expect(await bucket.read('z')).toBe('content of z')
  expect(await bucket.read('none')).toBeUndefined()
  await using folder = await openTemporary()
  const local = folder.file('y')
  expect(await bucket.fetch('y', local)).toBe(true)
  expect(await readFile(local, 'utf8')).toBe('content of y')
  expect(await bucket.fetch('none', local)).toBe(false)
  await bucket.remove(['z', 'none'])
  expect(await bucket.read('z')).toBeUndefined()
})

it('lets exactly one of eight create an object', async () => {
  await using store = await openStore()
  await using bucket = await bucketOf(store)
  const created = await Promise.all(
    Array.from({ length: 8 }, (_, index) => bucket.putIfAbsent('v', String(index))),
  )
  expect(created.filter(Boolean)).toHaveLength(1)
  expect(textOf(store, 'v')).toBe(String(created.indexOf(true)))
})

it.each<[string, Fault]>([
  ['cut before it came', 'cut before'],
  ['cut after it was carried out', 'cut after done'],
  ['not answered', 'hang before'],
  ['not answered though it was carried out', 'hang after done'],
  ['answered with 500', internal],
  ['answered with 500 though it was carried out', { ...internal, isDone: true }],
  ['answered with 503', unavailable],
  ['answered with 409', { status: 409, code: 'ConditionalRequestConflict' }],
])('creates an object when the request is %s', async (_, fault) => {
  await using store = await openStore()
  await using bucket = await bucketOf(store)
  store.faults.push(fault)
  expect(await bucket.putIfAbsent('v', 'mine')).toBe(true)
  expect(textOf(store, 'v')).toBe('mine')
  store.faults.push(fault)
  expect(await bucket.putIfAbsent('v', 'of another')).toBe(false)
  expect(textOf(store, 'v')).toBe('mine')
})

it.each<[string, Fault]>([
  ['cut', 'cut before'],
  ['not answered', 'hang before'],
  ['answered with 503', unavailable],
])('puts a whole file, and reads it, when a request is %s', async (_, fault) => {
  await using store = await openStore()
  await using bucket = await bucketOf(store)
  const local = join(bucket.staging, 'x')
  const content = 'x'.repeat(1_000_000)
  await writeFile(local, content)
  store.faults.push(fault, 'none', fault, 'none', fault)
  await bucket.put('x', local)
  expect(textOf(store, 'x')).toBe(content)
  expect(await bucket.read('x')).toBe(content)
  for await (const { bytes } of bucket.list('')) expect(bytes).toBe(content.length)
})

it('gives up after a few tries, and says what failed without a word of the store', async () => {
  await using store = await openStore()
  await using bucket = await bucketOf(store)
  const failure = async (...faults: Fault[]) => {
    store.faults.push(...faults)
    store.requests.length = 0
    return await bucket.read('v').then(String, (error: unknown) => JSON.stringify(error) + String(error))
  }
  const text = await failure(unavailable, internal, unavailable)
  expect(text).toContain('STORAGE_FAILED')
  expect(text).toContain('GetObject failed for s3://data/lakes/mine: the store answered 503 (SlowDown)')
  expect(text).not.toMatch(/secret/)
  expect(store.requests).toHaveLength(3)
  const denied = await failure({ status: 403, code: 'AccessDenied' })
  expect(denied).toContain('Allow GetObject')
  expect(store.requests).toHaveLength(1)
  expect(await failure({ status: 404, code: 'NoSuchBucket' })).toContain('Create the bucket')
  await store[Symbol.asyncDispose]()
  expect(await failure()).toContain('ECONNREFUSED')
})

it('finds out whether a store honours put-if-absent, and leaves nothing there', async () => {
  await using store = await openStore()
  await using bucket = await openStorage('s3://data', { endpoint: store.endpoint })
  expect(await honoursPutIfAbsent(bucket)).toBe(true)
  store.isConditional = false
  expect(await honoursPutIfAbsent(bucket)).toBe(false)
  expect([...store.objects.keys()]).toEqual([])
})

it('removes what a killed process has left on its way to the same bucket, once it is old enough', async () => {
  await using store = await openStore()
  await using left = await bucketOf(store)
  await using other = await bucketOf(store, 'lakes/other')
  await using bucket = await bucketOf(store)
  for (const { staging } of [left, other]) await writeFile(join(staging, 'x.csv'), 'personal')
  await bucket.removeUnfinished(new Date(Date.now() - 3_600_000))
  expect(await readFile(join(left.staging, 'x.csv'), 'utf8')).toBe('personal')
  await bucket.removeUnfinished(new Date(Date.now() + 3_600_000))
  await expect(stat(left.staging)).rejects.toMatchObject({ code: 'ENOENT' })
  for (const { staging } of [other, bucket]) expect((await stat(staging)).isDirectory()).toBe(true)
})

it('says which credentials are missing', async () => {
  vi.unstubAllEnvs()
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE'])
    vi.stubEnv(name, undefined)
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/none')
  vi.stubEnv('AWS_CONFIG_FILE', '/none')
  await using store = await openStore()
  await using bucket = await bucketOf(store)
  await expect(bucket.read('v')).rejects.toMatchObject({
    code: 'STORAGE_FAILED',
    message: expect.stringContaining('AWS_ACCESS_KEY_ID'),
  })
})
