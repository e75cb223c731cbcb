import { readFileSync, statSync } from 'node:fs'

import { SyncError } from '../../lib/domain/errors.js'
import { shellQuoted } from '../../lib/domain/shell-word.js'
import { printError } from '../output/error-output.js'
import { parseDotenv } from './dotenv.js'

/** A file with settings, in the form of `.env`. */
export interface SettingsFile {
  readonly path: string
  /** Whether users other than its owner can read it. */
  readonly isOpen: boolean
  readonly values: Readonly<Record<string, string>>
  /** Numbers of the lines that hold no setting. */
  readonly unread: readonly number[]
}

/** `readSettings`, with a warning on stderr when others can read the passwords in the file, or when a line of it is no setting. */
export function loadSettings(path: string | undefined): void {
  const file = readSettings(path)
  if (file?.isOpen) printError(`other users can read ${file.path}. ${closeFile(file)}`)
  if (file && file.unread.length > 0)
    printError(`${file.path} has lines that are no settings and were left out: ${file.unread.join(', ')}.`)
}

/** Adds the settings in the file to `process.env`; variables that are set already win. Otherwise as `readSettingsFile`. */
export function readSettings(givenPath: string | undefined): SettingsFile | undefined {
  const file = readSettingsFile(givenPath)
  for (const [name, value] of Object.entries(file?.values ?? {})) process.env[name] ??= value
  return file
}

/**
 * The settings in a file, by the rules of python-dotenv. Without a path it reads `.env` in the working directory, and returns undefined if
 * there is none. A byte order mark, as editors on Windows write one, is ignored. Throws CONFIG_MISSING for a given path that cannot be read,
 * and CONFIG_INVALID for a file in UTF-16.
 */
export function readSettingsFile(givenPath: string | undefined): SettingsFile | undefined {
  const path = givenPath ?? '.env'
  const content = readFile(path, givenPath !== undefined)
  if (content === undefined) return undefined
  // Windows has no such permissions.
  const isOpen = process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0
  return { path, isOpen, ...parseDotenv(textOf(path, content), process.env) }
}

function readFile(path: string, isGiven: boolean): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (cause) {
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
    if (!isGiven && isMissing) return undefined
    throw new SyncError('CONFIG_MISSING', `The settings file ${path} cannot be read.`, {
      remedy: 'Correct its name or its permissions.',
      cause,
    })
  }
}

/** The first name would have an invisible character before it, and count as missing. */
function textOf(path: string, content: Buffer): string {
  const mark = content.subarray(0, 2).toString('hex')
  if (mark !== 'fffe' && mark !== 'feff') return content.toString().replace(/^\uFEFF/, '')
  throw new SyncError('CONFIG_INVALID', `The settings file ${path} is in UTF-16.`, {
    remedy: 'Save it as UTF-8.',
  })
}

/** What to do about a file that others can read. */
export function closeFile({ path }: Pick<SettingsFile, 'path'>): string {
  const isPlain = /^[\w./][\w./-]*$/.test(path)
  return `Run: chmod 600 ${isPlain ? path : `-- ${shellQuoted(path)}`}`
}
