#!/usr/bin/env node
import { enableCompileCache } from './process/compile-cache.js'

/** The entry: it checks the version of Node before anything that needs a newer one is loaded. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `chatwoot-sync: Node ${process.versions.node} is too old. Use Node 20.19 or later; 22 or 24 is recommended.\n`,
  )
  process.exitCode = 2
} else {
  enableCompileCache()
  // The SDK of AWS would write to stderr, which cron mails, which versions of Node its future releases need.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'
  // Most starts by far are those of a scheduler, which need not read what belongs to the other commands.
  const program = process.argv[2] === 'sync' ? import('./sync-program.js') : import('./program.js')
  void program.then(async ({ runCommandLine }) => {
    process.exitCode = await runCommandLine(process.argv.slice(2))
  })
}
