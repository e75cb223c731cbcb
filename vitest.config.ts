import { fileURLToPath } from 'node:url'

import { defineConfig, type UserWorkspaceConfig as ProjectConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const temporaryFolder = 'test/setup/temporary-folder.ts'
const servers = 'test/setup/servers.ts'
const built = 'test/setup/built.ts'
const example = 'test/docs/examples.test.ts'

/** A project with what its tests need. What a run needs is started once, whichever projects are chosen. */
function project(
  name: string,
  include: string,
  globalSetup: readonly string[],
  more: ProjectConfig['test'] = {},
) {
  return {
    extends: true as const,
    test: { name, include: [include], globalSetup: [temporaryFolder, ...globalSetup], ...more },
  }
}

const folder = (name: string) => `test/${name}/**/*.test.ts`

/**
 * One project for all folders whose tests need servers, as a worker is used again for files of the same project only: with a project for each
 * folder, starting workers and loading the source into each would take a tenth of the run.
 */
const withServers = 'cli,demo,docs,faults,lake,operations,server,soak,sync,verify'

/** They begin first, so that no core idles at the end; vitest itself knows what takes long only after a first run. */
const longest = [
  'faults/fault-moments',
  'server/dashboard',
  'sync/source-care',
  'verify/verify',
  'docs/promises',
  'soak/soak',
  'faults/kill',
  'sync/custom-relation',
  'operations/report',
  'cli/cli-failures',
].map((name) => `/test/${name}.test.ts`)

/** Project after project, `unit` at the end, where its short files fill what is left; in each, those that take longest first. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const projects = [...new Set(files.map(({ project }) => project.name))]
    const place = ({ project, moduleId }: TestSpecification) => {
      const group = project.name === 'unit' ? projects.length : projects.indexOf(project.name)
      const known = longest.findIndex((name) => moduleId.endsWith(name))
      return group * (longest.length + 1) + (known < 0 ? longest.length : known)
    }
    return (await super.sort(files)).sort((one, other) => place(one) - place(other))
  }
}

const whole: ProjectConfig['test'] = { testTimeout: 900_000, env: { TEST_SHARE: 'all' } }

/** The large random tests: the files import those of the other folders, and play them whole. With them those of the commands, built. */
const seeds = project('extra:seeds', folder('{seeds,cli}'), [servers, built], whole)

/**
 * What few users ever meet, whole: other encodings and settings, values that a column would lose, what tables do by themselves,
 * strangers in the target, servers that fail in each way they can.
 */
const edges = project('extra:edges', folder('edges'), [servers, built], whole)

/** The tests of runs and of verify once more, with a table that is partitioned by month. */
const ofMonths =
  'test/{{sync,verify}/**/*,edges/{parallel-faults,parts-of-batches,scan-budget-upgrade}}.test.ts'
const months = project('extra:months', ofMonths, [servers, built], {
  env: { TEST_TARGET_TABLE: 'months' },
})

const examples = project('extra:examples', example, [servers, built])

const pooler = project('extra:pooler', folder('pooler'), [servers, built])

/** Installs bundlers and other runtimes from the registry. */
const bundlers = project('extra:bundlers', folder('bundlers'), [servers, built])

/** Readers of lakes that are installed from PyPI and by Maven: `test/readers/install`. */
const readers = project('extra:readers', folder('readers'), [servers, built], {
  testTimeout: 900_000,
  hookTimeout: 900_000,
})

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
    sequence: { sequencer: LongestFirst },
    // Most code of a run of the tests is over before it is worth optimizing, which Node 20 does seven times as late with this; later ones know other words.
    execArgv: process.version.startsWith('v20.') ? ['--interrupt-budget=1000000'] : [],
    // Most tests wait for a server, a process or a clock half of their time.
    maxWorkers: 4,
    // A file is transformed once, not once for each project.
    experimental: { fsModuleCache: true },
    projects: [
      project('unit', folder('unit'), []),
      project('servers', folder(`{${withServers}}`), [servers, built], { exclude: [example] }),
      // Not in `npm test`, but in .ci/run: see CONTRIBUTING.md.
      edges,
      seeds,
      pooler,
      examples,
      months,
      bundlers,
      readers,
    ],
  },
})
