import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript'
import { importX } from 'eslint-plugin-import-x'
import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'

import { fileNames } from './.ci/file-names.mjs'

/** The rooms of lib and what each may import: those below, never those beside. lib/index.ts is above them all. */
const driver = ['./postgres/driver', './domain']
const below = ['./chatwoot', './postgres', './domain', './options.ts', './resolve-options.ts']
const rooms = {
  './lib/domain': ['./domain'],
  './lib/chatwoot': ['./chatwoot', './domain'],
  './lib/postgres/driver': driver,
  './lib/postgres/source': ['./postgres/source', ...driver],
  './lib/postgres/target': ['./postgres/target', ...driver],
  './lib/postgres/partition': ['./postgres/partition', ...driver],
  './lib/postgres/control': ['./postgres/control', ...driver],
  './lib/postgres/migrate': ['./postgres/migrate', ...driver],
  './lib/options.ts': ['./chatwoot', './postgres', './domain'],
  './lib/resolve-options.ts': ['./options.ts', './chatwoot', './postgres', './domain'],
  './lib/pipeline/prepare': ['./pipeline/prepare', ...below],
  './lib/pipeline/read': ['./pipeline/read', './pipeline/prepare', ...below],
  './lib/pipeline/write': ['./pipeline', ...below],
  './lib/sync': ['./sync', './pipeline', ...below],
  './lib/sync.ts': ['./sync', './pipeline', ...below],
  './lib/lake/storage': ['./lake/storage', './lake/durable.ts', './lake/file-error.ts', './domain'],
  './lib/lake/delta': ['./lake/delta', './lake/storage', './domain'],
  './lib/lake/parquet': [
    './lake/parquet',
    './lake/durable.ts',
    './lake/file-error.ts',
    './postgres',
    './domain',
  ],
  './lib/lake': ['./lake', ...below],
  './lib/operations': ['./operations', './lake', './pipeline', ...below],
  './lib/server': ['./server', ...below],
  './bin': ['./index.ts', './sync.ts', './operations', './lake', './server', './postgres', './domain'],
  './examples': ['./index.ts'],
  './db': [],
}
const insideLib = Object.entries(rooms).map(([target, except]) => ({
  target,
  from: './lib',
  except,
  message: 'Imports go downwards only; see the rooms in eslint.config.mjs.',
}))
const upwards = [
  { target: './lib', from: ['./bin', './test', './examples', './.ci'] },
  { target: ['./bin', './examples'], from: ['./test', './.ci'] },
  { target: './examples', from: './bin' },
]

const belongsToBin =
  'A library reads no environment, prints nothing and never ends the process: that is for bin.'

const fromProcess = { name: 'node:process', message: belongsToBin }
const fromKysely = [
  { name: 'kysely', importNames: ['sql'], message: 'SQL belongs to lib/postgres and lib/chatwoot.' },
]

/** What a partitioned or a distributed table rejects. */
const deniedBySomeTables = [
  [String.raw`\bselect\s+(from|where)\b`, 'A distributed table rejects a list without columns: select 1.'],
  [String.raw`\bxmax\s*=`, 'A partitioned table returns no system column.'],
  [String.raw`\*(=|<>)`, 'Citus loses the type of whole rows by this operator: call record_image_ne.'],
].flatMap(([pattern, message]) => [
  { selector: `TemplateElement[value.raw=/${pattern}/]`, message },
  { selector: `Literal[value=/${pattern}/]`, message },
])

export default defineConfig(
  { ignores: ['dist/', 'coverage/', 'db/schema/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts', '**/*.mjs'],
    plugins: { local: { rules: { 'file-names': fileNames } } },
    rules: { 'local/file-names': 'error', eqeqeq: 'error', 'prefer-const': 'error', 'no-var': 'error' },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    plugins: { 'import-x': importX },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver()] },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      'import-x/no-restricted-paths': [
        'error',
        { basePath: import.meta.dirname, zones: [...insideLib, ...upwards] },
      ],
      'import-x/no-self-import': 'error',
      'max-lines': ['error', 300],
      // A declared type is where code without `as` states what JSON.parse, an event or the driver gives.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      // `() => void work()` and `() => work()` read alike.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // Numbers and booleans print as one expects.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // `async` alone turns a throw into a rejection, as a port of functions asks for.
      '@typescript-eslint/require-await': 'off',
      // JavaScript callers, other platforms and the driver give what the types deny; to look twice is no mistake.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-unnecessary-type-conversion': 'off',
      // String(value) says that its text is wanted; templates have a rule of their own.
      '@typescript-eslint/no-base-to-string': 'off',
      // Functions, not classes: no method here has a `this` to lose.
      '@typescript-eslint/unbound-method': 'off',
      // What was caught is passed on as it is.
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['lib/**/*.ts', 'bin/**/*.ts'],
    rules: {
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['lib/**/*.ts'],
    rules: {
      'no-console': 'error',
      // Only where the driver's types end, which is in lib/postgres, a type may be claimed; see below.
      '@typescript-eslint/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
      'no-restricted-imports': ['error', { paths: [fromProcess, ...fromKysely] }],
      'no-restricted-syntax': ['error', ...deniedBySomeTables],
      'no-restricted-properties': [
        'error',
        ...['env', 'exit', 'exitCode', 'argv', 'stdout', 'stderr'].map((property) => ({
          object: 'process',
          property,
          message: belongsToBin,
        })),
      ],
    },
  },
  {
    // pipeline/read/queries.ts composes the queries of the rooms of Chatwoot and of the source, which do not know each other.
    files: ['lib/postgres/**/*.ts', 'lib/chatwoot/**/*.ts', 'lib/pipeline/read/queries.ts'],
    rules: { 'no-restricted-imports': ['error', { paths: [fromProcess] }] },
  },
  {
    files: ['bin/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { paths: fromKysely }] },
  },
  {
    files: ['lib/postgres/**/*.ts'],
    rules: { '@typescript-eslint/consistent-type-assertions': 'off' },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // Rows, parsed lines and what a child process says are compared whole; a wrong guess fails the test.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      // The way to take a variable out of process.env.
      '@typescript-eslint/no-dynamic-delete': 'off',
    },
  },
)
