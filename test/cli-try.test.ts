import { it } from 'vitest'
import { execFileSync } from 'node:child_process'
import { openPair, openShell } from './cli-fixture.js'
it('tries', async () => {
  await using shell = await openShell()
  await using pair = await openPair(5000)
  const v = pair.variables
  const out = execFileSync('script', ['-qec', `stty cols 60; node --import tsx ${process.cwd()}/bin/chatwoot-sync.ts sync --batch-size 100 --no-log-file; node --import tsx ${process.cwd()}/bin/chatwoot-sync.ts sync --help;node --import tsx ${process.cwd()}/bin/chatwoot-sync.ts doctor`, '/dev/null'], { env: { ...process.env, ...v } }).toString()
  console.log(out.replaceAll('\r\x1b[K', '\n<clear>'))
}, 120_000)
