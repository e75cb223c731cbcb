import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

import type { Context } from 'hono'

interface Asset {
  readonly body: Uint8Array<ArrayBuffer>
  readonly type: string
  readonly etag: string
}

/** The files of the page by their path below its folder: nothing else can be asked for, whatever a path says. */
export type Assets = ReadonlyMap<string, Asset>

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
}

/** Reads them all, which is some hundred kilobytes. */
export async function loadAssets(): Promise<Assets> {
  const folder = fileURLToPath(new URL('./assets/', import.meta.url))
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const assets = await Promise.all(
    files.map(async (file): Promise<[string, Asset]> => {
      const body = new Uint8Array(await readFile(file))
      const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 16)}"`
      const type = types[extname(file)] ?? 'application/octet-stream'
      return [relative(folder, file).replaceAll(sep, '/'), { body, type, etag }]
    }),
  )
  return new Map(assets)
}

/** Asked for again each time, and sent only when it is another one: a new release shows at once. */
export function answerAsset(context: Context, assets: Assets, path: string): Response | undefined {
  const asset = assets.get(path)
  if (!asset) return undefined
  const headers = { 'content-type': asset.type, 'cache-control': 'no-cache', etag: asset.etag }
  if (context.req.header('if-none-match') === asset.etag) return new Response(null, { status: 304, headers })
  return new Response(asset.body, { headers })
}
