import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, extname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

import type { Context } from 'hono'

import { notBeside } from '../domain/package-file.js'

interface Asset {
  readonly body: Uint8Array<ArrayBuffer>
  readonly type: string
  readonly etag: string
}

/** The files of the page by their path below `assets/`. Nothing else can be requested, whatever a path says. */
export type Assets = ReadonlyMap<string, Asset>

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Reads them all into memory, about 150 kilobytes. Throws CONFIG_INVALID where a bundler has separated the package from them. */
export async function loadAssets(): Promise<Assets> {
  try {
    const files = [...(await ownFiles()), ...chartFiles()]
    return new Map(
      await Promise.all(files.map(async ([path, file]) => [path, await readAsset(file)] as const)),
    )
  } catch (cause) {
    throw notBeside('the page of the server', cause)
  }
}

type NamedFile = readonly [path: string, file: string]

async function ownFiles(): Promise<NamedFile[]> {
  const path = './assets/'
  // Not as a URL, whose folder a bundler would take for a module.
  const folder = join(dirname(fileURLToPath(import.meta.url)), path)
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return files.map((file) => [relative(folder, file).replaceAll(sep, '/'), file])
}

/** The charts are drawn by the package `uplot`, wherever npm has put it. */
function chartFiles(): NamedFile[] {
  const { resolve } = createRequire(import.meta.url)
  return ['uPlot.iife.min.js', 'uPlot.min.css'].map((name) => [
    `uplot/${name}`,
    resolve(`uplot/dist/${name}`),
  ])
}

async function readAsset(file: string): Promise<Asset> {
  const body = new Uint8Array(await readFile(file))
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 16)}"`
  return { body, type: types[extname(file)] ?? 'application/octet-stream', etag }
}

/** Revalidated on each request, and sent only when it has changed, so that a new release shows at once. */
export function answerAsset(context: Context, assets: Assets, path: string): Response | undefined {
  const asset = assets.get(path)
  if (!asset) return undefined
  const headers = { 'content-type': asset.type, 'cache-control': 'no-cache', etag: asset.etag }
  if (context.req.header('if-none-match') === asset.etag) return new Response(null, { status: 304, headers })
  return new Response(asset.body, { headers })
}
