/** Lets the process continue when the reader of its output goes away, as `head` does; other errors of the streams are thrown. */
export function ignoreClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.off('error', throwUnlessClosed).on('error', throwUnlessClosed)
  }
}

function throwUnlessClosed(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}
