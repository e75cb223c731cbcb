import type { ReportGroup } from '../../domain/chatwoot-report.js'

/** The numbers that an export of Chatwoot's page may hold. */
export type ExportMetric =
  | 'conversationsCount'
  | 'incomingMessagesCount'
  | 'outgoingMessagesCount'
  | 'avgFirstResponseTime'
  | 'avgResolutionTime'
  | 'resolutionsCount'
  | 'replyTime'
  | 'rating'
  | 'slaPolicyName'
  | 'slaMissedTypes'

export interface ChatwootExport {
  /** What its rows are: groups, hours, answers to surveys or missed agreements; `account` for the one row of the conversations report. */
  readonly of: 'account' | ReportGroup | 'traffic' | 'answers' | 'agreements'
  /** Headers as they are in the file; without a metric where it is a name, or not known. */
  readonly columns: readonly { readonly header: string; readonly metric: ExportMetric | undefined }[]
  readonly rows: readonly { readonly name: string | null; readonly cells: readonly string[] }[]
  /** The line about the reported period, as it is in the file; its days are those of UTC. */
  readonly period: string | null
  /** The zone of its hours, where it is not that of the reader. */
  readonly zone?: string
}

/** A header without accents and capitals. */
export const plainHeader = (text: string): string =>
  text.normalize('NFD').replaceAll(/\p{M}/gu, '').trim().toLowerCase()

/** The line about the reported period: the only one with a single cell. */
export const periodOf = (lines: readonly (readonly string[])[]): string | null =>
  lines.find((cells) => cells.filter((cell) => cell !== '').length === 1)?.find((cell) => cell !== '') ?? null

/** The group whose table an export is; undefined for one of other rows. */
export function groupOf({ of }: ChatwootExport): ReportGroup | undefined {
  return of === 'agent' || of === 'inbox' || of === 'team' || of === 'label' ? of : undefined
}
