import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Offers `gc`, by which the library frees what a bulk load has read, so that it takes less memory: the engine by itself waits for more.
 * Nothing is done until it is called.
 */
export function offerCollector(): void {
  if (globalThis.gc) return
  let collect: ((options: NodeJS.GCOptions) => void) | undefined
  Reflect.set(globalThis, 'gc', (options: NodeJS.GCOptions) => {
    collect ??= exposed()
    collect(options)
  })
}

function exposed(): (options: NodeJS.GCOptions) => void {
  setFlagsFromString('--expose-gc')
  const found: unknown = runInNewContext('gc')
  return typeof found === 'function'
    ? (options) => void Reflect.apply(found, undefined, [options])
    : () => undefined
}
