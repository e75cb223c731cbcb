import { fileURLToPath } from 'node:url'

import { defineConfig } from 'vitest/config'

export default defineConfig({
  // By its name the package is this source, as in tsconfig.json, and not whatever build lies in dist.
  resolve: {
    alias: [
      { find: /^chatwoot-sync$/, replacement: fileURLToPath(new URL('lib/index.ts', import.meta.url)) },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    // Tests of the public types. Errors elsewhere are for `npm run types`, so that half-written code does not fail a single test.
    typecheck: {
      enabled: true,
      include: ['test/**/*.test-d.ts'],
      tsconfig: './tsconfig.types-test.json',
      ignoreSourceErrors: true,
    },
    globalSetup: ['test/setup/servers.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // What is waited for comes when the machine has time for it; the one second that is usual measures the machine.
    expect: { poll: { timeout: 30_000 } },
    pool: 'forks',
    // Every worker talks to the same two servers, so more of them would measure the machine rather than the code.
    maxWorkers: 2,
  },
})
