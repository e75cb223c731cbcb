// One side of test/bench/against.ts: calls the library of a build, and reports how long a call took and how much memory the process needed.
const { migrate, syncConversations, verifyConversations } = await import(process.argv[2])

process.on('message', async ({ verify, migrate: isMigration, ...options }) => {
  try {
    globalThis.gc?.()
    const began = performance.now()
    await (isMigration
      ? migrate(options)
      : verify
        ? verifyConversations(options)
        : syncConversations(options))
    const milliseconds = performance.now() - began
    process.send({ milliseconds, kilobytes: process.resourceUsage().maxRSS })
  } catch (error) {
    process.send({ error: String(error) })
  }
})
