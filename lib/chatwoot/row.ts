import type { Selectable } from 'kysely'

import type { DB } from '../../db/schema/target.js'

type Bookkeeping = 'deleted_at' | 'etl_inserted_at' | 'etl_updated_at'

/**
 * One conversation as it is stored: what `transform` receives and returns. Timestamps, dates, numerics and bigints are texts, so that
 * no digit is lost; integers are numbers, `message_compiled` is parsed JSON.
 */
export type ConversationRow = Omit<Selectable<DB['conversas_analytics']>, Bookkeeping>
