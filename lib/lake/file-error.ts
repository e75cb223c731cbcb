import { SyncError } from '../domain/errors.js'

/** The error for a file of this machine that cannot be written or read. */
export function fileError(cause: unknown, path: string): SyncError {
  const code: unknown = Reflect.get(Object(cause), 'code')
  return new SyncError(
    'STORAGE_FAILED',
    `The file ${path} cannot be written or read: ${reasonOf(code, cause)}.`,
    {
      remedy: remedyOf(code),
      details: { path, fileError: typeof code === 'string' ? code : null },
      cause,
    },
  )
}

/** Whether an error is that of a file that does not exist. */
export const isMissing = (error: unknown): boolean => Reflect.get(Object(error), 'code') === 'ENOENT'

function reasonOf(code: unknown, cause: unknown): string {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return 'the disk is full'
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'writing is not permitted'
    case 'ENOENT':
    case 'ENOTDIR':
      return 'its folder does not exist'
    case 'EISDIR':
      return 'it is a folder'
    default:
      return typeof code === 'string' ? code : cause instanceof Error ? cause.message : 'it failed'
  }
}

function remedyOf(code: unknown): string {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return 'Free some space, then run it again.'
    case 'ENOENT':
    case 'ENOTDIR':
      return 'Create the folder, or correct the path.'
    default:
      return 'Correct the path, or the rights on its folder.'
  }
}
