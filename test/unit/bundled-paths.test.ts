import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Paths that a file names relative to itself, as far as they are fixed. */
function ownPaths(text: string): string[] {
  if (!text.includes('import.meta.url')) return []
  const named = text.matchAll(/(?:new URL\(|path = |read\()(['"`])(\.[^'"`$]*)/g)
  return [...named].map(([, , path]) => path ?? '').filter((path) => path !== '')
}

it('what a file reads beside itself is there, and in a folder that the build takes along', async () => {
  const entries = await Promise.all(
    ['lib', 'bin'].map((folder) => readdir(join(root, folder), { recursive: true, withFileTypes: true })),
  )
  const files = entries
    .flat()
    .filter(({ name }) => name.endsWith('.ts'))
    .map(({ parentPath, name }) => join(parentPath, name))
  const found: string[] = []
  for (const file of files) {
    for (const path of ownPaths(await readFile(file, 'utf8'))) {
      const place = join(dirname(file), path)
      found.push(place.slice(root.length))
      expect(existsSync(place), `${path} in ${file}`).toBe(true)
    }
  }
  expect(found.sort()).toEqual(['db/chatwoot/', 'db/demo/', 'db/migrations/', 'lib/server/assets/'])
})
