import { SyncError } from './errors.js'

/**
 * The error for a file of this package that is not where it belongs. Its place is computed from `import.meta.url` when the file is needed and
 * not before: a bundler leaves that undefined in CommonJS, and who never needs the file can use the package from any bundle.
 */
export function notBeside(path: string, cause?: unknown): SyncError {
  const name = path.replace(/^[./]+/, '')
  return new SyncError('CONFIG_INVALID', `chatwoot-sync does not find ${name}, which belongs to it.`, {
    remedy:
      'If a bundler has packed it into another file, leave it out: external for esbuild, externals for webpack, serverExternalPackages for Next; and install it where the bundle runs.',
    cause,
  })
}
