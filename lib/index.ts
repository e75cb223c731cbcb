export { syncConversations } from './sync.js'
export { migrate, type MigrateOptions, type MigrateResult } from './postgres/migrate/migrate.js'
export { verifyConversations, type VerifyOptions, type VerifyProgress } from './operations/verify/verify.js'
export { differencesLeft, type VerifyReport } from './domain/verification.js'
export { SyncError, errorCodes, type ErrorCode, type ErrorDetails } from './domain/errors.js'
export type { LogFields, Logger } from './domain/logger.js'
export type { Counts, LoadType, Phases, SyncReport, TriggeredBy, Warning } from './domain/report.js'
export { hashColumnValue } from './domain/column-hash.js'
export { defaults, type CustomRelation, type Progress, type Retry, type SyncOptions } from './options.js'
export type { ColumnName, ColumnRules } from './chatwoot/column-rules.js'
export type { ConversationRow } from './chatwoot/row.js'
export {
  readRejects,
  type RejectedRow,
  type RejectReason,
  type Rejects,
  type RejectsOptions,
} from './operations/rejects.js'
export { readReport, type ChatwootReport, type ReportOptions } from './operations/report/read-report.js'
export type {
  BotReport,
  CsatReport,
  LiveReport,
  ReportCards,
  ReportGroup,
  ReportRow,
  SlaReport,
} from './domain/chatwoot-report.js'
export type { ComparedCell, DifferenceReason } from './operations/report/compare-export.js'
export type { ConnectionConfig, DatabaseHandle } from './postgres/driver/connect.js'
export type { DB } from '../db/schema/target.js'
export { checkHealth, type HealthOptions } from './operations/health/check-health.js'
export type { HealthCheck, HealthReport, Language } from './operations/health/health-check.js'
export { diagnose, type DiagnoseOptions, type Diagnosis } from './operations/doctor/diagnose.js'
export { exportConversations } from './operations/export/export-conversations.js'
export type {
  ExportFormat,
  ExportOptions,
  ExportProgress,
  ExportReport,
} from './operations/export/export-options.js'
export { findInboxes } from './operations/find-inboxes.js'
export type { Check as DiagnosisCheck } from './operations/doctor/check.js'
export { readStatus as readRuns, type StatusOptions as ReadRunsOptions } from './operations/status.js'
export { forgetContact, type ForgetOptions, type ForgetReport } from './operations/forget-contact.js'
export { replicateToLake } from './lake/replicate-to-lake.js'
export { replicateToLakes, type LakesOptions, type LakesReport } from './lake/replicate-all.js'
export { unregisterLake, type UnregisterOptions } from './lake/unregister-lake.js'
export type { LakeOptions } from './lake/lake-options.js'
export type { LakeDifference, LakeProgress, LakeReport } from './lake/replicate/lake-report.js'
export { partitionTable } from './operations/partition/partition-table.js'
export type { PartitionOptions } from './operations/partition/partition-options.js'
export type { PartitionProgress, PartitionReport } from './operations/partition/partition-report.js'
export { sendAlerts, type AlertOptions } from './operations/alerts/send-alerts.js'
export { sendTestAlert } from './operations/alerts/send-test-alert.js'
export type { AlertChannels } from './operations/alerts/channels.js'
export type { AlertKind, AlertMessage } from './operations/alerts/alert-message.js'
export type { Delivery as AlertDelivery } from './operations/alerts/deliver.js'
export { watch, type WatchOptions } from './watch.js'
export type { RunOutcome, WatchSummary } from './operations/watch/watch-runs.js'
export * from './server-alias.js'
export type { ServerOptions, SyncServer } from './server/server.js'
export type { RunPage, RunQuery, RunReader, Stats } from './server/run-reader.js'
export type { HealthRequest, RunRequest, ServerFunctions, VerifyRequest } from './server/functions.js'
export type { ListenOptions, Listening } from './server/listen.js'
