import { Agent, get } from 'node:http'

export interface CrowdResult {
  readonly answers: number
  /** Answers that were not 200 with a list of runs, and connections that broke. */
  readonly errors: number
  /** Milliseconds. */
  readonly median: number
  readonly slowest: number
}

/** As many clients as asked for, each with a connection of its own, each asking again as soon as it was answered, until the signal fires. */
export async function readInCrowd(url: string, clients: number, signal: AbortSignal): Promise<CrowdResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients })
  const times: number[] = []
  let errors = 0
  const client = async () => {
    while (!signal.aborted) {
      const began = performance.now()
      if (!(await isAnswered(url, agent))) errors += 1
      times.push(performance.now() - began)
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  agent.destroy()
  times.sort((a, b) => a - b)
  const at = (share: number) => Math.round(times[Math.floor((times.length - 1) * share)] ?? 0)
  return { answers: times.length, errors, median: at(0.5), slowest: at(1) }
}

async function isAnswered(url: string, agent: Agent): Promise<boolean> {
  return new Promise((resolve) => {
    get(url, { agent }, (response) => {
      let text = ''
      response.on('data', (piece) => (text += String(piece)))
      response.on('end', () => resolve(response.statusCode === 200 && text.startsWith('{"runs":[')))
    }).on('error', () => resolve(false))
  })
}
