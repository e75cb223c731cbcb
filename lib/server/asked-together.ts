import { setTimeout as wait } from 'node:timers/promises'

interface Line {
  /** When the last answer was begun to be sought. */
  asked: number
  /** The answer that all who ask now will get; undefined once it is being sought. */
  next: Promise<string> | undefined
  last: Promise<unknown>
}

/**
 * Answers a question for all who ask it meanwhile, at most once in `pause` milliseconds. Who asks alone is answered at once; a crowd waits
 * a moment and costs as much as one. An answer is never older than its question.
 */
export function askedTogether(
  pause: number,
): (question: string, seek: () => Promise<string>) => Promise<string> {
  const lines = new Map<string, Line>()

  const answer = async (line: Line, seek: () => Promise<string>) => {
    await line.last
    const rest = line.asked + pause - performance.now()
    if (rest > 0) await wait(rest)
    line.next = undefined
    line.asked = performance.now()
    return seek()
  }

  return (question, seek) => {
    forget(lines, pause)
    const line = lines.get(question) ?? { asked: -pause, next: undefined, last: Promise.resolve() }
    lines.set(question, line)
    if (line.next) return line.next
    const next = answer(line, seek)
    line.next = next
    line.last = next.catch(() => undefined)
    return next
  }
}

/** Questions differ by what a caller writes into them, so there may be any number. */
function forget(lines: Map<string, Line>, pause: number): void {
  if (lines.size < 100) return
  for (const [question, { asked, next }] of lines) {
    if (!next && asked + pause < performance.now()) lines.delete(question)
  }
}
