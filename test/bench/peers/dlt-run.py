"""One run of dlt: what changed in a table of the source, into the target."""

import json
import sys

import dlt
from dlt.sources.sql_database import sql_table

source, target, table, key, changed_at, decimals, folder = sys.argv[1:]
rows = sql_table(
    credentials=source,
    table=table,
    schema="public",
    backend="pyarrow",
    incremental=dlt.sources.incremental(changed_at),
    primary_key=key,
)
# Without a precision it takes nine places, and fails for more.
decimal = {"data_type": "decimal", "precision": 38, "scale": 20}
rows.apply_hints(
    columns={name: decimal for name in json.loads(decimals)},
    primary_key=key,
    write_disposition={"disposition": "merge", "strategy": "upsert"},
)
pipeline = dlt.pipeline(
    pipeline_name="bench",
    pipelines_dir=folder,
    dataset_name="bench",
    destination=dlt.destinations.postgres(target),
)
pipeline.run(rows).raise_on_failed_jobs()
