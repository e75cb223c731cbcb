"""Resolved conversations by agent, with Polars over delta-rs: pip install polars deltalake"""

import polars as pl

conversations = pl.scan_delta("/data/lake").filter(pl.col("deleted_at").is_null())
print(
    conversations.filter(pl.col("is_resolved"))
    .group_by("assignee_name")
    .agg(pl.len().alias("conversations"), pl.col("resolution_time_seconds").median())
    .sort("conversations", descending=True)
    .collect()
)
