/** By what a table of the report is grouped. */
export type ReportGroup = 'agent' | 'inbox' | 'team' | 'label'

/**
 * The cards of Chatwoot's report pages. Times are means in seconds. A number is null where it is a mean of nothing, or where the table does
 * not hold what it is made of.
 */
export interface ReportCards {
  readonly conversationsCount: number
  readonly incomingMessagesCount: number | null
  readonly outgoingMessagesCount: number | null
  readonly avgFirstResponseTime: number | null
  readonly avgResolutionTime: number | null
  readonly resolutionsCount: number | null
  readonly replyTime: number | null
  readonly botResolutionsCount: number | null
  readonly botHandoffsCount: number | null
}

/** A row of the table of agents, inboxes, teams or labels. */
export interface ReportRow {
  /** Null for a label. */
  readonly id: number | null
  /** Null where the table does not know the name. */
  readonly name: string | null
  readonly conversationsCount: number
  readonly resolvedConversationsCount: number | null
  readonly avgFirstResponseTime: number | null
  readonly avgResolutionTime: number | null
  readonly avgReplyTime: number | null
}

/** The bot report; null numbers as in the cards. */
export interface BotReport {
  readonly conversationCount: number | null
  readonly messageCount: number | null
  /** Whole percents. */
  readonly resolutionRate: number | null
  readonly handoffRate: number | null
}

/** The CSAT report. */
export interface CsatReport {
  readonly responsesCount: number
  readonly surveysSentCount: number
  /** Percent of ratings 4 and 5. */
  readonly satisfactionScore: number
  /** Percent; null where no survey was sent in the range. */
  readonly responseRate: number | null
}

/** The SLA report. */
export interface SlaReport {
  readonly appliedCount: number
  readonly missedCount: number
  /** Percent. */
  readonly hitRate: number
}

/** The overview, as of the last run. */
export interface LiveReport {
  readonly openCount: number
  readonly unattendedCount: number
  readonly unassignedCount: number
  readonly pendingCount: number
}

/** Events of one name whose conversation Chatwoot no longer has, by their agent and inbox. */
export interface OrphanEvents {
  readonly name: string
  readonly agent: number | null
  readonly inbox: number | null
  readonly count: number
  /** Sums of their values. */
  readonly seconds: number
  readonly businessSeconds: number
}
