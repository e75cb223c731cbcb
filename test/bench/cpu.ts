import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks of a second, as Linux counts them for programs. */
const ticks = 100

/** Seconds of CPU that a process and its children, living and dead, have used so far; 0 where there is no /proc. */
export function cpuOf(pid: number): number {
  const all = processes()
  const own = all.find((each) => each.pid === pid)
  const children = all.filter(({ parent }) => parent === pid)
  return [own?.own ?? 0, own?.ofDead ?? 0, ...children.map((each) => each.own)].reduce(
    (sum, value) => sum + value,
    0,
  )
}

interface Process {
  readonly pid: number
  readonly parent: number
  readonly own: number
  readonly ofDead: number
}

function processes(): Process[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => read(Number(name)))
  } catch {
    return []
  }
}

function read(pid: number): Process[] {
  try {
    // What stands before the last parenthesis is the name, which may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    const seconds = (...places: number[]) =>
      places.reduce((sum, place) => sum + Number(fields[place]) / ticks, 0)
    return [{ pid, parent: Number(fields[1]), own: seconds(11, 12), ofDead: seconds(13, 14) }]
  } catch {
    return []
  }
}
