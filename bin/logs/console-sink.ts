import type { Writable } from 'node:stream'

export interface ConsoleSink {
  /** Puts the line and a line break on the stream; never throws. */
  write(line: string): void
  /** Resolves when the stream has taken, or refused, every line so far. */
  flush(): Promise<void>
  /** Flushes and lets go of the stream, which stays open: it belongs to the caller. */
  close(): Promise<void>
}

/**
 * Lines on a stream that may break at any time, as when the reader of a pipe goes away. A broken console stays silent: there is nobody
 * left to tell, and a run must not fail because nobody watches it.
 */
export function openConsoleSink(stream: Writable): ConsoleSink {
  let broken = false
  let last = Promise.resolve()
  const breaks = () => {
    broken = true
  }
  // Without a listener the error would end the process.
  stream.on('error', breaks)

  const flush = () => last
  return {
    write: (line) => {
      // A stream that threw may never call back again, and flush would wait for ever.
      if (!broken) last = tried(stream, `${line}\n`, breaks)
    },
    flush,
    close: async () => {
      await flush()
      // The error event of a failed write can come after its callback, so a broken stream keeps the listener.
      if (!broken) stream.off('error', breaks)
    },
  }
}

/** Resolves when this text, and all before it, has been taken or refused: streams call back in order. */
function tried(stream: Writable, text: string, refused: () => void): Promise<void> {
  return new Promise((resolve) => {
    const settle = (error: unknown) => {
      if (error) refused()
      resolve()
    }
    try {
      stream.write(text, settle)
    } catch (error) {
      settle(error)
    }
  })
}
