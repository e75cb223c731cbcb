/**
 * The point to which the transaction that writes goes back when the target refuses a batch. There is one at a time: it moves on with
 * each batch, as a run of many batches in one transaction would else leave as many behind.
 */
const name = 'chatwoot_sync_batch'

/** Where no savepoint was set yet. */
export const setSavepoint = `savepoint ${name}`

export const releaseSavepoint = `release savepoint ${name}`

/** What came before is kept from here on. */
export const moveSavepoint: readonly string[] = [releaseSavepoint, setSavepoint]

/** Undoes what came after; the savepoint stays. */
export const backToSavepoint = `rollback to savepoint ${name}`
