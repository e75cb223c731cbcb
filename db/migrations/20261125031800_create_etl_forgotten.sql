-- Contacts whose data was erased on request: runs have to know them, or the next one would bring their conversations back.

-- migrate:up
create table etl_forgotten (
  pipeline text not null,
  contact_id bigint not null
    constraint etl_forgotten_contact_id_is_positive check (contact_id > 0),
  forgotten_at timestamptz not null default clock_timestamp(),
  comment text
    constraint etl_forgotten_comment_is_short check (char_length(comment) <= 200),
  constraint etl_forgotten_pkey primary key (pipeline, contact_id)
);

comment on table etl_forgotten is 'One row for each contact that chatwoot-sync forget has erased; runs leave its conversations out.';
comment on column etl_forgotten.pipeline is 'Pipeline whose runs leave the contact out.';
comment on column etl_forgotten.contact_id is 'Id of the contact in Chatwoot; nothing else about it is kept.';
comment on column etl_forgotten.forgotten_at is 'When it was erased.';
comment on column etl_forgotten.comment is 'Why, such as the number of the request; it must hold no personal data.';

-- migrate:down
drop table etl_forgotten;
