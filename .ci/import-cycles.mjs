// Fails on a cycle of imports. Type imports count, which import-x/no-cycle passes over: they too make files that cannot be read apart.
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'

import ts from 'typescript'

const { options, fileNames } = ts.getParsedCommandLineOfConfigFile('tsconfig.json', {}, ts.sys)
const cache = ts.createModuleResolutionCache(process.cwd(), (name) => name, options)
const graph = new Map(fileNames.map((file) => [file, importsOf(file)]))

const finished = new Set()
const cycles = []
for (const file of graph.keys()) visit(file, [])
for (const cycle of cycles)
  console.error(`Import cycle: ${cycle.map((file) => relative('.', file)).join(' -> ')}`)
if (cycles.length > 0) process.exitCode = 1

function importsOf(file) {
  const { importedFiles } = ts.preProcessFile(readFileSync(file, 'utf8'))
  return importedFiles.flatMap(({ fileName }) => {
    const mode = ts.ModuleKind.ESNext
    const found = ts.resolveModuleName(fileName, file, options, ts.sys, cache, undefined, mode)
    return found.resolvedModule?.resolvedFileName ?? []
  })
}

function visit(file, path) {
  if (path.includes(file)) return cycles.push([...path.slice(path.indexOf(file)), file])
  if (finished.has(file)) return
  for (const imported of graph.get(file) ?? []) visit(imported, [...path, file])
  finished.add(file)
}
