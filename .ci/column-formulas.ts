/**
 * What the database does not know of its columns: of which columns of Chatwoot each is made, as `table.column, table.column of the column
 * that leads there`, or behind `= ` the formula over other columns of the table, which a test computes. Empty where Chatwoot has nothing of
 * it.
 */
export interface Subject {
  readonly english: string
  readonly portuguese: string
  readonly columns: Readonly<Record<string, string>>
}

/** Over the messages of a conversation, each of them `m`. */
export const ofMessages = (what: string, where = '') =>
  `= (select ${what} from jsonb_array_elements(message_compiled) m${where === '' ? '' : ` where ${where}`})`

/** The same with their places in order of time. */
export const ofPlaces = (what: string, where: string) =>
  `= (select ${what} from jsonb_array_elements(message_compiled) with ordinality e (m, place) where ${where})`

export const isPublic = `m ->> 'private' = 'false'`

/** Neither a line about what happened nor a template. */
export const isSpoken = `${isPublic} and m ->> 'message_type' not in ('2', '3')`

export const firstMessage = (key: string, where: string) => oneMessage(key, where, 'place')

export const lastMessage = (key: string, where: string) => oneMessage(key, where, 'place desc')

const oneMessage = (key: string, where: string, order: string) =>
  ofPlaces(`m ->> '${key}'`, `${where} order by ${order} limit 1`)

/** Over the events of Chatwoot's reports. */
export const ofEvents = (what: string, name?: string, order = '') =>
  `= (select ${what} from jsonb_array_elements(reporting_events) e${name === undefined ? '' : ` where e ->> 'name' = '${name}'`}${order})`

export const numberOfEvents = (name: string) => ofEvents('count(*)', name)

const endOfEvent = `coalesce(e ->> 'event_end_time', e ->> 'created_at')::timestamp`

export const timeOf = (which: 'min' | 'max', name: string) => ofEvents(`${which}(${endOfEvent})`, name)

/** Of the first or the last event by its end, or of the one that was written first. */
export function secondsOf(value: string, name: string, which?: 'first' | 'last'): string {
  const direction = which === 'last' ? ' desc' : ''
  const keys = which === undefined ? [] : [endOfEvent, `e ->> 'created_at'`]
  const order = [...keys, `(e ->> 'id')::bigint`].map((key) => key + direction).join(', ')
  return ofEvents(`floor((e ->> '${value}')::numeric)`, name, ` order by ${order} limit 1`)
}

/** What makes an answer that of a human, by the rule of Chatwoot's reports. */
export const humanAnswers =
  'messages.message_type, messages.private, messages.sender_type, messages.content_attributes, messages.additional_attributes'

export const eventTimes = 'reporting_events.name, reporting_events.event_end_time'

export const localStart = `conversation_created_at at time zone 'UTC' at time zone calendar_timezone`

export const today = `(now() at time zone calendar_timezone)`

export const isInPeriod = (unit: string) =>
  `= date_trunc('${unit}', conversation_date::timestamp) = date_trunc('${unit}', ${today})`
