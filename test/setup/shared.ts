/** What is started once for a whole run of the tests, whichever of the projects ask for it, and stopped when the last of them is done. */
interface Shared {
  readonly started: Promise<{ readonly value: unknown; stop(): Promise<void> }>
  users: number
}

const key = Symbol.for('chatwoot-sync tests')

/** Each project of vitest loads the global setup as a module of its own, all in one process: this is the place that they share. */
function sharedOfThisProcess(): Map<string, Shared> {
  const existing: unknown = Reflect.get(globalThis, key)
  if (existing instanceof Map) return existing as Map<string, Shared>
  const created = new Map<string, Shared>()
  Reflect.set(globalThis, key, created)
  return created
}

/** Returns the value that the first caller has started; `release` stops it once every caller has released it. */
export async function share<Value>(
  name: string,
  start: () => Promise<{ readonly value: Value; stop(): Promise<void> }>,
): Promise<{ readonly value: Value; release(): Promise<void> }> {
  const all = sharedOfThisProcess()
  const shared = all.get(name) ?? { started: start(), users: 0 }
  all.set(name, shared)
  shared.users += 1
  const { value, stop } = await shared.started
  return {
    value: value as Value,
    release: async () => {
      shared.users -= 1
      if (shared.users === 0) {
        all.delete(name)
        await stop()
      }
    },
  }
}
