import { accessSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { SyncError } from '../../domain/errors.js'
import { notBeside } from '../../domain/package-file.js'

/** One file of the migrations folder: `20261124100000_create_conversas_analytics.sql`. */
export interface Migration {
  /** The digits at the front; what `schema_migrations` records. */
  readonly version: string
  /** The file name without `.sql`. */
  readonly name: string
}

/** The migrations of a folder. */
export interface Folder {
  readonly directory: string
  readonly migrations: readonly Migration[]
}

/**
 * The folder of this package's migrations: next to `lib` in the source tree and in `dist`, and next to `bin`, where the command is one file.
 * Throws CONFIG_INVALID where a bundler has separated it from its files.
 */
export function ownMigrations(): string {
  const path = '../../../db/migrations/'
  try {
    const here = import.meta.url
    // Written so that no bundler takes the folder for a module.
    const folder = fileURLToPath(new URL(path, here))
    accessSync(folder)
    return folder
  } catch (cause) {
    throw notBeside(path, cause)
  }
}

/**
 * The migrations of a folder in the order in which dbmate applies them: by file name. Other files are ignored, as by dbmate.
 * Throws CONFIG_INVALID for a folder that is missing, contains none, or contains one version twice.
 */
export async function listMigrations(directory: string): Promise<readonly Migration[]> {
  const names = await fileNames(directory)
  const migrations = names.flatMap((file) => {
    const [, name, version] = /^((\d+).*)\.sql$/.exec(file) ?? []
    return name && version ? [{ name, version }] : []
  })
  if (migrations.length === 0) throw unusable(`The folder ${directory} contains no migration.`)
  const versions = new Map<string, string>()
  for (const { name, version } of migrations) {
    const other = versions.get(version)
    if (other) throw unusable(`The migrations ${other} and ${name} in ${directory} have the same version.`)
    versions.set(version, name)
  }
  return migrations
}

/** What changes with these migrations for a table that is filled already: their lines that begin with `-- note:`, in order. */
export async function readNotes(
  directory: string,
  migrations: readonly Pick<Migration, 'name'>[],
): Promise<readonly string[]> {
  const texts = migrations.map(({ name }) => readFile(join(directory, `${name}.sql`), 'utf8'))
  return (await Promise.all(texts)).flatMap((text) =>
    [...text.matchAll(/^-- note: (.+)$/gm)].map(([, note = '']) => note),
  )
}

async function fileNames(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true })
    return entries.flatMap((entry) => (entry.isDirectory() ? [] : [entry.name])).sort()
  } catch (cause) {
    throw unusable(`The folder ${directory} cannot be read.`, cause)
  }
}

function unusable(message: string, cause?: unknown): SyncError {
  return new SyncError('CONFIG_INVALID', message, {
    remedy: 'Set directory to a folder of dbmate migrations.',
    cause,
  })
}
