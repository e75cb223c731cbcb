import { setTimeout as wait } from 'node:timers/promises'

import { problem } from './problem.js'

/** Answers a question for everybody who asks it at the same time. */
export type Share = (question: string, seek: () => Promise<string>) => Promise<string>

interface Line {
  /** When the last answer was begun to be sought, in milliseconds of `performance.now()`. */
  asked: number
  /** The answer for everybody who asks now; undefined once it is being sought. */
  next: Promise<string> | undefined
  last: Promise<unknown>
}

/**
 * Seeks the answer to each question at most once in `pause` milliseconds. A single caller is answered at once; a crowd waits a moment and
 * costs as much as one. An answer is never older than its question.
 */
export function shareAnswers(pause: number): Share {
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
    forgetIdle(lines, pause)
    const line = lines.get(question) ?? { asked: -pause, next: undefined, last: Promise.resolve() }
    lines.set(question, line)
    if (line.next) return line.next
    const next = answer(line, seek)
    line.next = next
    line.last = next.catch(() => undefined)
    return next
  }
}

/** Questions differ by what callers write into them, so there may be any number. */
function forgetIdle(lines: Map<string, Line>, pause: number): void {
  if (lines.size < 100) return
  for (const [question, { asked, next }] of lines) {
    if (!next && asked + pause < performance.now()) lines.delete(question)
  }
}

/** Answers with JSON that everybody who asks the same at the same time shares; undefined is answered by `otherwise`. */
export type AnswerJson = (
  question: string,
  seek: () => Promise<object | undefined>,
  otherwise?: () => Response,
) => Promise<Response>

/**
 * `pause` is the milliseconds between two answers to the same question, so that hundreds who look at a page take no more from a run than
 * one does. (Default: 500, a delay that nobody sees.)
 */
export function shareJson(pause = 500): AnswerJson {
  const share = shareAnswers(pause)
  return async (question, seek, otherwise = () => problem('NOT_FOUND', 'There is no such thing.')) => {
    const text = await share(question, async () => JSON.stringify((await seek()) ?? null))
    if (text === 'null') return otherwise()
    return new Response(text, { headers: { 'content-type': 'application/json' } })
  }
}
