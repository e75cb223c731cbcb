#!/usr/bin/env node
import { existsSync } from 'node:fs'
import module from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { loadKept } from './kept-program.js'
import type { runCommandLine } from './program.js'

interface Program {
  readonly runCommandLine: typeof runCommandLine
}

/** The command line: arguments to options, error codes to exit codes. Nothing is imported before the version of Node is known to do. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `chatwoot-sync: Node ${process.versions.node} is too old. Use Node 20.19 or later, best 22 or 24.\n`,
  )
  process.exitCode = 2
} else {
  void loadProgram().then(async ({ runCommandLine }) => {
    process.exitCode = await runCommandLine(process.argv.slice(2))
  })
}

/** The program is compiled once, not at each start; by Node itself from 22.1 on. */
async function loadProgram(): Promise<Program> {
  const keepCompiled: unknown = Reflect.get(module, 'enableCompileCache')
  const bundle = join(dirname(fileURLToPath(import.meta.url)), 'program.cjs')
  if (typeof keepCompiled === 'function') Reflect.apply(keepCompiled, module, [])
  else if (existsSync(bundle)) return loadKept(bundle, process.argv[2] ?? '') as Program
  return import('./program.js')
}
