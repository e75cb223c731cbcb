import { spawnSync } from 'node:child_process'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import pg from 'pg'
import { expect, it } from 'vitest'

import { serverAccount } from '../../bin/demo/cluster-account.js'
import { retryBudget, runAndMend } from '../fixtures/provoked-fixture.js'
import { targetServer } from '../setup/database.js'
import { differences, openLargeSync, type SyncFixture } from '../fixtures/sync-fixture.js'
import { largeSize } from '../setup/templates.js'

const mount = (...args: string[]) => spawnSync('mount', args).status === 0

/** A disk of its own for the tables of a target; undefined where this process may not mount one, or the server is elsewhere. */
async function openSmallDisk() {
  if (process.env['TEST_DATABASE_URL'] !== undefined) return undefined
  const account = await serverAccount()
  if (!account) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'small-disk-'))
  if (!mount('-t', 'tmpfs', '-o', 'size=480k', 'chatwoot-sync-test', folder)) {
    await rm(folder, { recursive: true })
    return undefined
  }
  await chown(folder, account.uid, account.gid)
  return {
    folder,
    resize: (size: string) => mount('-o', `remount,size=${size}`, folder),
    [Symbol.asyncDispose]: async () => {
      spawnSync('umount', ['--lazy', folder])
      await rm(folder, { recursive: true })
    },
  }
}

/** Puts the table onto the disk; disposing of it drops the database as well, before the tablespace. */
async function moveTable(at: SyncFixture, folder: string): Promise<AsyncDisposable> {
  const space = `space_${at.target.name}`
  const admin = new pg.Client(targetServer())
  await admin.connect()
  await admin.query(`create tablespace ${space} location '${folder}'`)
  await at.target.query(`alter table conversas_analytics set tablespace ${space}`)
  return {
    [Symbol.asyncDispose]: async () => {
      await at[Symbol.asyncDispose]()
      await admin.query(`drop tablespace ${space}`)
      await admin.end()
    },
  }
}

it('keeps what it had committed when the disk of the target is full, and goes on once there is room (53100)', async ({
  skip,
}) => {
  await using disk = await openSmallDisk()
  if (!disk) return skip('needs root, and the right to mount a small disk for the server of the tests')
  const at = await openLargeSync()
  await using _ = await moveTable(at, disk.folder)

  await expect(at.sync({ batchSize: 40, retryBudget })).rejects.toMatchObject({
    code: 'TARGET_DISK_FULL',
    details: { sqlState: '53100' },
    message: expect.stringContaining('Make room'),
  })

  const [full] = await at.target.query<{ rows: number }>(
    'select count(*)::integer as rows from conversas_analytics',
  )
  expect(full?.rows).toBeGreaterThan(0)
  expect(full?.rows).toBeLessThan(largeSize)
  expect(disk.resize('64m')).toBe(true)
  expect(await at.sync()).toMatchObject({ rowsInserted: largeSize - (full?.rows ?? 0) })
  expect(await differences(at)).toEqual([])

  // Somebody makes room while it tries.
  await at.target.query('truncate conversas_analytics, etl_control')
  expect(disk.resize('480k')).toBe(true)
  const { warning } = await runAndMend(at, async () => disk.resize('64m'), { batchSize: 40 })
  expect(warning).toContain('TARGET_DISK_FULL (53100)')
})
