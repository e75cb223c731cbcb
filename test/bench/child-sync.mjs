import { existsSync, readFileSync } from 'node:fs'

// A process that runs the library, which stands in the first argument, as often as it is told to, and says what each run took of it.
// It is the only thing in the process, so that its memory and its CPU are those of the library.
const { syncConversations, verifyConversations } = await import(process.argv[2])

/** Content stays as it is, so that the target can be compared with the source: all these texts are in small letters. */
const transform = (row) => ({ ...row, t0: row.t0.toLowerCase() })

/** On Linux a new process takes over the maxRSS of the one that started it, which is the bench with all that it holds. */
function peakKibibytes() {
  const status = '/proc/self/status'
  const peak = existsSync(status) && /VmHWM:\s*(\d+) kB/.exec(readFileSync(status, 'utf8'))
  return peak ? Number(peak[1]) : process.resourceUsage().maxRSS
}

process.on('message', async ({ kind, options, transforms }) => {
  const given = transforms ? { ...options, transform } : options
  const cpu = process.cpuUsage()
  const began = performance.now()
  try {
    const report = await (kind === 'verify' ? verifyConversations(given) : syncConversations(given))
    const milliseconds = performance.now() - began
    const { user, system } = process.cpuUsage(cpu)
    const peakBytes = peakKibibytes() * 1024
    process.send({ milliseconds, cpuMilliseconds: (user + system) / 1000, peakBytes, report })
  } catch (error) {
    process.send({ error: error.stack })
  }
})
process.on('disconnect', () => process.exit())
process.send('ready')
