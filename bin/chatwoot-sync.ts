#!/usr/bin/env node
import module from 'node:module'

/** The entry: it checks the version of Node before anything that needs a newer one is loaded. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `chatwoot-sync: Node ${process.versions.node} is too old. Use Node 20.19 or later; 22 or 24 is recommended.\n`,
  )
  process.exitCode = 2
} else {
  enableCompileCache()
  void import('./program.js').then(async ({ runCommandLine }) => {
    process.exitCode = await runCommandLine(process.argv.slice(2))
  })
}

/** Node 22.1 and later keep what they compiled for the next start; Node 20 compiles at each start. */
function enableCompileCache(): void {
  const enable: unknown = Reflect.get(module, 'enableCompileCache')
  if (typeof enable === 'function') Reflect.apply(enable, module, [])
}
