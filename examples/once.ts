/** One run from the environment: `npx tsx examples/once.ts`, after `chatwoot-sync migrate`. */
import { syncConversations, SyncError } from 'chatwoot-sync'

const { SOURCE_DATABASE_URL: source, LOCAL_DATABASE_URL: target } = process.env
if (!source || !target) throw new Error('Set SOURCE_DATABASE_URL and LOCAL_DATABASE_URL.')

try {
  const report = await syncConversations({ source, target })
  const { loadType, rowsInserted, rowsUpdated, rowsUnchanged, rowsDeleted, durationSeconds } = report
  console.log(
    `${loadType}: ${rowsInserted} inserted, ${rowsUpdated} updated, ${rowsUnchanged} unchanged, ` +
      `${rowsDeleted} marked deleted in ${durationSeconds} s`,
  )
  for (const { code, message } of report.warnings) console.warn(`${code}: ${message}`)
} catch (error) {
  if (!(error instanceof SyncError)) throw error
  // The message says what happened and what to do; it holds no password.
  console.error(`${error.code}: ${error.message}`)
  process.exitCode = 1
}
