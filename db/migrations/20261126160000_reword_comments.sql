-- migrate:up

comment on column conversas_analytics.calendar_timezone is 'Time zone of the calendar columns: the option timeZone, else the inbox''s own where both servers know it, else UTC.';
comment on column conversas_analytics.deleted_at is 'When a full read, verify or a change feed found that Chatwoot no longer has the conversation; NULL while it has.';

comment on column etl_control.load_type is 'incremental reads what changed; full reads everything and soft-deletes what the source no longer has.';
comment on column etl_control.rows_updated is 'Rows whose content differed, including those that had been soft-deleted.';
comment on column etl_control.rows_deleted is 'Rows soft-deleted because the source no longer has them; not part of the sum.';
comment on column etl_control.state is 'What the next run needs to know of this one; kept only in the last successful run of a pipeline.';

comment on function get_last_successful_watermark(text) is 'Source time of the last successful run of a pipeline, UTC; NULL before the first.';

comment on column etl_verification.rows_extra is 'Rows that the source no longer has.';
comment on column etl_verification.rows_repaired is 'Rows that were repaired.';
comment on column etl_verification.rows_rejected is 'Rows that the target rejected: known as rejected and left out of the comparison, or rejected during the repair.';

comment on table etl_alerts is 'One row for each incident that chatwoot-sync sent an alert for.';
comment on column etl_alerts.opened_told is 'When each channel accepted the alert that the incident began.';
comment on column etl_alerts.closed_told is 'When each channel accepted the alert that the incident ended.';
comment on column etl_alerts.last_refusal is 'Why a channel did not accept an alert at the last attempt; NULL once all have.';

comment on table etl_rejects is 'One row for each row of the source that the target rejected, until it accepts the row or the source drops it.';
comment on column etl_rejects.pipeline is 'Pipeline whose table rejected the row.';
comment on column etl_rejects.first_rejected_at is 'When the row was first rejected.';
comment on column etl_rejects.last_rejected_at is 'When the row was last rejected.';
comment on column etl_rejects.column_name is 'Column of the target whose value was rejected; NULL where the server did not say.';
comment on column etl_rejects.sql_state is 'SQLSTATE with which the target rejected it.';
comment on column vw_etl_reject_reasons.pipeline is 'Pipeline whose table rejected the rows.';
comment on column vw_etl_reject_reasons.sql_state is 'SQLSTATE with which the target rejected them.';
comment on column vw_etl_reject_reasons.column_name is 'Column of the target whose values were rejected; NULL where the server did not say.';
comment on column vw_etl_reject_reasons.first_rejected_at is 'When the first of them was first rejected.';
comment on column vw_etl_reject_reasons.last_rejected_at is 'When the last of them was last rejected.';

comment on column etl_trimmed_runs.rows_rejected is 'Sum of the rows that the target rejected.';
comment on column etl_trimmed_runs.rows_deleted is 'Sum of the rows they soft-deleted.';

do $$
declare
  definition text := pg_get_functiondef('etl_health(text, interval, interval, interval)'::regprocedure);
begin
  definition := replace(
    definition,
    'Look at chatwoot-sync rejects for what the target refused, and mend the column: the next run tries again.',
    'Run chatwoot-sync rejects to see what the target rejected, and fix the column; the next run tries the rows again.'
  );
  execute replace(
    definition,
    'Run chatwoot-sync sync: it closes that row and goes on.',
    'Run chatwoot-sync sync: it closes that row and continues.'
  );
end
$$;

-- migrate:down
-- The earlier words are gone with their objects; the objects stay as they are.
select;
