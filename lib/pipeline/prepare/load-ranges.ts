import type { KeyRange } from '../../domain/key-ranges.js'

/**
 * The ranges of a full load over several connections, each of which records how far it came with its own. They are kept in the state of the
 * run until it ends, which a run that resumes it takes over; an earlier release passes over them, and continues from the resume key.
 */
export interface LoadRanges {
  /** Of the attempt that may record in them. */
  readonly token: string
  readonly list: readonly KeyRange[]
}

interface WithRanges {
  readonly ranges?: LoadRanges
}

/** The ranges in the JSON of a state. */
export function rangesIn(state: string | null): LoadRanges | undefined {
  const stored: WithRanges = JSON.parse(state ?? '{}')
  return stored.ranges
}

/** The JSON of a state with ranges, or without, as the next run needs none. */
export function withRanges(state: string | null, ranges: LoadRanges | undefined): string | null {
  if (state === null) return null
  const stored: WithRanges = JSON.parse(state)
  return JSON.stringify({ ...stored, ranges })
}
