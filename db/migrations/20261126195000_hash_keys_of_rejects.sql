-- The key of a rejected row is part of the primary key, and an index holds no entry over 2704 bytes: one rejected row with a longer key
-- failed each run. Now a hash of it is. Of SHA-256, as two keys could be made to share an MD5, one of which would then be lost.

-- migrate:up
-- note: A rejected row may have a key of any length; before, one over 2704 bytes failed the run.
alter table etl_rejects
  add column row_hash bytea not null
    generated always as (sha256(decode(replace(row_key, '\', '\\'), 'escape'))) stored;

alter table etl_rejects
  drop constraint etl_rejects_pkey,
  add constraint etl_rejects_pkey primary key (pipeline, row_hash);

comment on column etl_rejects.row_hash is 'SHA-256 of the key, which may be longer than an index holds.';

-- migrate:down
alter table etl_rejects
  drop constraint etl_rejects_pkey,
  drop column row_hash,
  add constraint etl_rejects_pkey primary key (pipeline, row_key);
