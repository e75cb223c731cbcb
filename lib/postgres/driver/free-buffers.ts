/**
 * Frees buffers that nobody uses any more. The engine does so by itself once 64 MB of them are there, or 32 MB at the moment when one is
 * created here; in a process that offers `gc`, as the command line does, it happens now, which takes a millisecond.
 */
export function freeBuffers(): void {
  if (typeof globalThis.gc === 'function') globalThis.gc({ type: 'minor' })
  else Buffer.allocUnsafeSlow(1)
}
