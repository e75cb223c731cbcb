import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { inject } from 'vitest'

import type { ClusterOptions } from '../../bin/demo/cluster.js'

/**
 * For `startCluster`, where a test is not about the making of the data: a copy of a data folder of the run, which goes away with the
 * server. initdb takes half a second of CPU each time.
 */
export async function preparedData(): Promise<Pick<ClusterOptions, 'dataDirectory' | 'keepData'>> {
  const original = inject('preparedData')
  if (original === '') return {}
  const dataDirectory = join(tmpdir(), `prepared-data-${randomBytes(6).toString('hex')}`)
  // With owner and mode: as root, the server runs under another account.
  await promisify(execFile)('cp', ['-Rp', original, dataDirectory])
  return { dataDirectory, keepData: false }
}
