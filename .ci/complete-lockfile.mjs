// npm writes no lock entry for an optional platform package that the registry in use does not hold, and
// `npm ci` of npm 11 and 12 then refuses the lockfile (EUSAGE). This writes the missing entries by hand.
// Run it after each `npm install`.  `--check` only reports, for CI.
import { readFileSync, writeFileSync } from 'node:fs'

const check = process.argv.includes('--check')
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'))
const operatingSystems = [
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'win32',
  'aix',
  'sunos',
  'wasm32',
]
const processors = [
  'arm64',
  'x64',
  'arm',
  'ia32',
  'ppc64',
  'riscv64',
  's390x',
  'loong64',
  'mips64el',
  'wasm32',
]

/** `@dbmate/linux-arm64` -> { os: linux, cpu: arm64 }, by the words in the name. */
function platformOf(name) {
  const words = name.split(/[/-]/)
  const cpu = processors.find((word) => words.includes(word))
  const os = operatingSystems.find((word) => words.includes(word))
  const libc = words.some((word) => word.startsWith('musl'))
    ? 'musl'
    : words.some((word) => word.startsWith('gnu'))
      ? 'glibc'
      : undefined
  return {
    ...(cpu && { cpu: [cpu] }),
    ...(libc && os === 'linux' && { libc: [libc] }),
    ...(os && { os: [os] }),
  }
}

/** The version, then by name: another order would come back as a difference at the next `npm install`. */
function inOrderOfNpm({ version, ...facts }) {
  return { version, ...Object.fromEntries(Object.entries(facts).sort(([a], [b]) => a.localeCompare(b))) }
}

const missing = []
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    const nested = `${path}/node_modules/${name}`
    const hoisted = `node_modules/${name}`
    if (lock.packages[nested]?.version || lock.packages[hoisted]?.version) continue
    if (!/^\d/.test(range)) continue
    missing.push(name)
    lock.packages[hoisted] = inOrderOfNpm({
      ...platformOf(name),
      ...(entry.dev && { dev: true }),
      license: entry.license ?? 'MIT',
      optional: true,
      version: range,
    })
  }
}
const incomplete = Object.entries(lock.packages).filter(
  ([path, entry]) => path && !entry.version && !entry.link,
)

if (check && (missing.length > 0 || incomplete.length > 0)) {
  console.error(
    `package-lock.json lacks ${missing.length + incomplete.length} entries: run node .ci/complete-lockfile.mjs`,
  )
  console.error([...missing, ...incomplete.map(([path]) => path)].join('\n'))
  process.exit(1)
}
if (!check) {
  const [root, ...rest] = Object.entries(lock.packages)
  lock.packages = Object.fromEntries([root, ...rest.sort(([a], [b]) => (a < b ? -1 : 1))])
  writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`)
  console.log(`completed ${missing.length} lock entries`)
}
