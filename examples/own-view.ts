/**
 * A view that exists in the source, in place of the built-in query. Nothing is created there. Columns are matched by name with a table of
 * the target that has a unique index on the key; those that the table lacks are left out, with a warning.
 */
import { syncConversations, verifyConversations, type CustomRelation } from 'chatwoot-sync'

const { SOURCE_DATABASE_URL: source, LOCAL_DATABASE_URL: target } = process.env
if (!source || !target) throw new Error('Set SOURCE_DATABASE_URL and LOCAL_DATABASE_URL.')

const relation: CustomRelation = {
  name: 'vw_conversations_analytics_final',
  key: 'conversation_id',
  changedAt: 'conversation_updated_at',
}
// A pipeline keeps its own state, so that one relation never continues from the watermark of another.
const options = { source, target, relation, pipeline: 'own-view' }

const { rowsInserted, rowsUpdated, rowsDeleted, warnings } = await syncConversations(options)
console.log(`${rowsInserted} inserted, ${rowsUpdated} updated, ${rowsDeleted} marked deleted`)
for (const { code, message } of warnings) console.warn(`${code}: ${message}`)

// A change that does not move `changedAt` is found by a full run or a comparison only; it takes the same options.
const { rowsCompared, rowsMissing, rowsStale, rowsExtra } = await verifyConversations(options)
console.log(`${rowsCompared} compared: ${rowsMissing} missing, ${rowsStale} stale, ${rowsExtra} extra`)
