import type { Writable } from 'node:stream'

export interface ConsoleSink {
  /** Writes the line and a line break; never throws. */
  write(line: string): void
  /** Resolves when the stream has accepted, or failed on, every line so far. */
  flush(): Promise<void>
  /** Flushes and releases the stream, which stays open: it belongs to the caller. */
  close(): Promise<void>
}

/**
 * Writes lines to a stream that may break at any time, as when the reader of a pipe goes away. Errors are ignored: a run must not fail
 * because nobody reads its console.
 */
export function openConsoleSink(stream: Writable): ConsoleSink {
  let broken = false
  let last = Promise.resolve()
  const onBroken = () => {
    broken = true
  }
  // Without a listener the error would end the process.
  stream.on('error', onBroken)

  const flush = () => last
  return {
    write: (line) => {
      // A stream that threw may never call back again, and flush would wait for ever.
      if (!broken) last = written(stream, `${line}\n`, onBroken)
    },
    flush,
    close: async () => {
      await flush()
      // The error event of a failed write can come after its callback, so a broken stream keeps the listener.
      if (!broken) stream.off('error', onBroken)
    },
  }
}

/** Resolves when the stream has accepted this text and all before it, or failed: streams call back in order. */
function written(stream: Writable, text: string, onBroken: () => void): Promise<void> {
  return new Promise((resolve) => {
    const settle = (error: unknown) => {
      if (error) onBroken()
      resolve()
    }
    try {
      stream.write(text, settle)
    } catch (error) {
      settle(error)
    }
  })
}
