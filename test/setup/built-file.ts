import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder with the package that test/setup/built.ts has built, or the repository itself after `npm run build`. */
export const builtFolder = () =>
  process.env['CHATWOOT_SYNC_BUILT'] ?? fileURLToPath(new URL('../..', import.meta.url))

/** The path of the compiled file of this source, for processes of their own: tsx would take two seconds to start. */
export function builtFile(source: `${'lib' | 'bin'}/${string}.ts`): string {
  return join(builtFolder(), 'dist', source.replace(/\.ts$/, '.js'))
}

/** The path of the built command, as npm links it. */
export function builtCommand(): string {
  const manifest: { bin: { 'chatwoot-sync': string } } = createRequire(import.meta.url)('../../package.json')
  return join(builtFolder(), manifest.bin['chatwoot-sync'])
}

/** The path of a compiled example. It lies where the package's name leads to the built library, as in any package that depends on it. */
export function builtExample(name: string): string {
  return join(builtFolder(), 'examples', `${name}.js`)
}
