#!/usr/bin/env node
import module from 'node:module'

/** The command line: arguments to options, error codes to exit codes. Nothing is imported before the version of Node is known to do. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `chatwoot-sync: Node ${process.versions.node} is too old. Use Node 20.19 or later, best 22 or 24.\n`,
  )
  process.exitCode = 2
} else {
  // From Node 22.1 on: the program is compiled once, not at each start.
  const keepCompiled: unknown = Reflect.get(module, 'enableCompileCache')
  if (typeof keepCompiled === 'function') Reflect.apply(keepCompiled, module, [])
  void import('./program.js').then(async ({ runCommandLine }) => {
    process.exitCode = await runCommandLine(process.argv.slice(2))
  })
}
