/** A view or table of the source that is read in place of the built-in query; columns go by name. */
export interface CustomRelation {
  /** As SQL writes it: `vw_conversations_analytics_final`, `analytics."My view"`. */
  readonly name: string
  /** The column that identifies a row; it must be unique and never NULL, and the target needs a unique index on it. */
  readonly key: string
  /** The column that every change of a row moves forward. What does not move it is found by verify only. */
  readonly changedAt: string
  /**
   * Time zone of `changedAt`, such as America/Sao_Paulo, where the column has none and holds local time. (Default: UTC, unless the column looks
   * like local time: then a pipeline that never ran fails with CONFIG_MISSING, and one that has run warns.)
   */
  readonly changedAtZone?: string | undefined
  /**
   * Columns whose difference alone is no change, such as those that depend on the time of reading: they are loaded with each row that is written,
   * a run does not write a row for them, and `verify` does not compare them. (Default: none.)
   */
  readonly ignoreChanges?: readonly string[] | undefined
}
