import type { Session } from '../../postgres/driver/session.js'

/** What `work` returns, in one transaction that these statements begin. After a failure it is rolled back. */
export async function inTransaction<T>(
  target: Session,
  begin: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  try {
    await target.script(begin)
    const done = await work()
    await target.script(['commit'])
    return done
  } catch (error) {
    if (!target.lost.aborted) await target.script(['rollback']).catch(() => undefined)
    throw error
  }
}
