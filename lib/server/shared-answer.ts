import { askedTogether } from './asked-together.js'
import { problem } from './problem.js'

/** Answers with JSON that all who ask the same meanwhile share; undefined is answered by `otherwise`. */
export type Answer = (
  question: string,
  seek: () => Promise<object | undefined>,
  otherwise?: () => Response,
) => Promise<Response>

/**
 * `pause` is the milliseconds between two answers to the same question: a page that is looked at by hundreds takes no more from a run than
 * one that is looked at by one. (Default: 500, in which nobody sees a delay.)
 */
export function sharedAnswers(pause = 500): Answer {
  const ask = askedTogether(pause)
  return async (question, seek, otherwise = () => problem('NOT_FOUND', 'There is no such thing.')) => {
    const text = await ask(question, async () => JSON.stringify((await seek()) ?? null))
    if (text === 'null') return otherwise()
    return new Response(text, { headers: { 'content-type': 'application/json' } })
  }
}
