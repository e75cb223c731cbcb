import { readdir } from 'node:fs/promises'

import { afterEach, expect, it, vi } from 'vitest'

import { openStorage } from '../../lib/lake/storage/open-storage.js'
import { exportConversations } from '../../lib/index.js'
import { openTemporary } from '../fixtures/lake/temporary.js'

afterEach(() => {
  vi.doUnmock('@duckdb/node-api')
  vi.doUnmock('@aws-sdk/client-s3')
})

const missing = () => {
  throw new Error('Cannot find package')
}

it('says what to install for Parquet before it connects to anything', async () => {
  vi.doMock('@duckdb/node-api', missing)
  await using folder = await openTemporary()
  const exporting = exportConversations({
    target: 'postgres://localhost:1/none',
    to: folder.file('a.parquet'),
  })
  await expect(exporting).rejects.toMatchObject({
    code: 'CONFIG_MISSING',
    message: expect.stringContaining('npm install @duckdb/node-api'),
  })
  expect(await readdir(folder.path)).toEqual([])
})

it('says what to install for a bucket', async () => {
  vi.doMock('@aws-sdk/client-s3', missing)
  await expect(openStorage('s3://bucket/prefix')).rejects.toMatchObject({
    code: 'CONFIG_MISSING',
    message: expect.stringContaining('npm install @aws-sdk/client-s3'),
  })
})
