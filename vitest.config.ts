import { fileURLToPath } from 'node:url'

import { defineConfig, type UserWorkspaceConfig as ProjectConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const temporaryFolder = 'test/setup/temporary-folder.ts'
const servers = 'test/setup/servers.ts'
const built = 'test/setup/built.ts'
const example = 'test/docs/examples.test.ts'

/** One project a folder, with what its tests need. What a run needs is started once, whichever projects are chosen. */
function project(folder: string, globalSetup: readonly string[], more: ProjectConfig['test'] = {}) {
  return {
    extends: true as const,
    test: {
      name: folder,
      include: [`test/${folder}/**/*.test.ts`],
      globalSetup: [temporaryFolder, ...globalSetup],
      ...more,
    },
  }
}

/** Project after project, as a worker is used again for files of the same project only, and those that take longest first. */
class ProjectAfterProject extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ project }: TestSpecification) => order.indexOf(project.name)
    return (await super.sort(files)).sort((one, other) => place(one) - place(other))
  }
}
const order = [
  'seeds',
  'faults',
  'soak',
  'sync',
  'server',
  'cli',
  'operations',
  'demo',
  'verify',
  'docs',
  'unit',
]

/** The large random tests: the files import those of the other folders, and play them whole. */
const seeds = project('seeds', [servers, built], {
  name: 'extra:seeds',
  testTimeout: 900_000,
  env: { TEST_SHARE: 'all' },
})
const examples = project('docs', [servers, built], { name: 'extra:examples', include: [example] })

const pooler = project('pooler', [servers, built], { name: 'extra:pooler' })

/** Installs bundlers and other runtimes from the registry. */
const bundlers = project('bundlers', [servers, built], { name: 'extra:bundlers' })

export default defineConfig({
  // By its name the package is this source, as in tsconfig.json, and not whatever build lies in dist.
  resolve: {
    alias: [
      { find: /^chatwoot-sync$/, replacement: fileURLToPath(new URL('lib/index.ts', import.meta.url)) },
      {
        find: /^chatwoot-sync\/server$/,
        replacement: fileURLToPath(new URL('lib/server/index.ts', import.meta.url)),
      },
    ],
  },
  test: {
    // A test that hangs ends; nothing less than a hang takes so long, however busy the machine is.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    // What is waited for comes when the machine has time for it; the one second that is usual measures the machine.
    expect: { poll: { timeout: 120_000 } },
    pool: 'forks',
    // Loading everything anew for each file would take a sixth of the run. A test that changes a global sets it back.
    isolate: false,
    sequence: { sequencer: ProjectAfterProject },
    // Most tests wait for a server, a process or a clock half of their time.
    maxWorkers: 4,
    // A file is transformed once, not once for each project.
    experimental: { fsModuleCache: true },
    projects: [
      project('unit', []),
      project('sync', [servers, built]),
      project('verify', [servers, built]),
      project('operations', [servers, built]),
      project('server', [servers, built]),
      project('cli', [servers, built]),
      project('demo', [servers, built]),
      project('faults', [servers, built]),
      project('soak', [servers, built]),
      project('docs', [servers, built], { exclude: [example] }),
      // Not in `npm test`, but in .ci/run: see CONTRIBUTING.md.
      seeds,
      pooler,
      examples,
      bundlers,
    ],
  },
})
