import { open } from 'node:fs/promises'

/** Makes a file, or the names in a folder, survive a crash of the machine. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    if (isUnsupported(error)) return undefined
    throw error
  })
  try {
    await handle?.sync()
  } catch (error) {
    if (!isUnsupported(error)) throw error
  } finally {
    await handle?.close()
  }
}

/** Windows opens no folder, and some network file systems sync none. */
const isUnsupported = (error: unknown): boolean =>
  ['EISDIR', 'EPERM', 'EINVAL', 'ENOTSUP'].includes(String(Reflect.get(Object(error), 'code')))
