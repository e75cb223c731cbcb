import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, it } from 'vitest'

import { honoursPutIfAbsent, openStorage } from '../../lib/lake/storage/open-storage.js'
import { openLakeFolder, openTemporary } from '../fixtures/lake/temporary.js'

it('creates the folder, moves files into it and lists them in order', async () => {
  await using folder = await openTemporary()
  const root = folder.file('not', 'there')
  await using storage = await openStorage(root)
  expect(storage.place).toBe(root)
  for (const path of ['b/2.parquet', 'a/1.parquet', 'b/10.parquet']) {
    const local = join(storage.staging, 'x')
    await writeFile(local, path)
    await storage.put(path, local)
    await expect(stat(local)).rejects.toMatchObject({ code: 'ENOENT' })
  }
  const listed = async (prefix: string) => {
    const paths: string[] = []
    for await (const { path } of storage.list(prefix)) paths.push(path)
    return paths
  }
  expect(await listed('')).toEqual(['a/1.parquet', 'b/10.parquet', 'b/2.parquet'])
  expect(await listed('b/')).toEqual(['b/10.parquet', 'b/2.parquet'])
  expect(await listed('b/1')).toEqual(['b/10.parquet'])
  expect(await listed('none/')).toEqual([])
  await storage.remove(['b/2.parquet', 'never/there'])
  expect(await listed('b/')).toEqual(['b/10.parquet'])
})

it('creates a folder for its owner alone, and leaves the rights of one that is there', async () => {
  await using folder = await openTemporary()
  await (await openStorage(folder.file('new')))[Symbol.asyncDispose]()
  expect((await stat(folder.file('new'))).mode & 0o777).toBe(0o700)
  await mkdir(folder.file('open'))
  await chmod(folder.file('open'), 0o755)
  await (await openStorage(folder.file('open')))[Symbol.asyncDispose]()
  expect((await stat(folder.file('open'))).mode & 0o777).toBe(0o755)
})

it('reads and fetches what is there, and nothing else', async () => {
  await using storage = await openLakeFolder()
  expect(await storage.read('a/b')).toBeUndefined()
  expect(await storage.fetch('a/b', join(storage.staging, 'x'))).toBe(false)
  expect(await storage.putIfAbsent('a/b', 'é')).toBe(true)
  expect(await storage.read('a/b')).toBe('é')
  expect(await storage.fetch('a/b', join(storage.staging, 'x'))).toBe(true)
  expect(await readFile(join(storage.staging, 'x'), 'utf8')).toBe('é')
})

it('lets exactly one of many create a file, whose text stays', async () => {
  await using storage = await openLakeFolder()
  const texts = Array.from({ length: 8 }, (_, index) => String(index))
  const created = await Promise.all(texts.map((text) => storage.putIfAbsent('log/1.json', text)))
  expect(created.filter(Boolean)).toHaveLength(1)
  expect(await storage.read('log/1.json')).toBe(String(created.indexOf(true)))
  expect(await readdir(storage.staging)).toEqual([])
})

it('honours put-if-absent, and the look at it leaves nothing', async () => {
  await using storage = await openLakeFolder()
  expect(await honoursPutIfAbsent(storage)).toBe(true)
  for await (const { path } of storage.list('')) throw new Error(path)
})

it('says what is wrong with the place', async () => {
  const code = (to: string) =>
    openStorage(to).then(String, (error: unknown) => Reflect.get(Object(error), 'code'))
  for (const to of ['', 's3://', 's3://A', 'gs://bucket', 'https://bucket'])
    expect(await code(to), to).toBe('CONFIG_INVALID')
  await using folder = await openTemporary()
  const file = folder.file('file')
  await writeFile(file, '')
  expect(await code(join(file, 'below'))).toBe('STORAGE_FAILED')
})
