-- Seven contacts per ten conversations, each in one inbox. For some, name, e-mail, phone or identifier is null, for others empty.

insert into contacts (
  id, name, email, phone_number, account_id, created_at, updated_at, additional_attributes, identifier, last_activity_at,
  contact_type, location, country_code, custom_attributes, blocked, company_id
)
select
  id,
  case
    when id % 61 = 0 then null
    when id % 67 = 0 then ''
    when id % 71 = 0 then 'Cliente ' || id || E'\t🇧🇷 👩‍👩‍👧‍👦 "O''Hara" \\ Ω'
    else name
  end,
  case
    when id = empty_email then ''
    when pg_temp.dice('has email', id, 100) < 70 then pg_temp.mailbox(name) || id || '@example.com'
  end,
  case
    when id % 79 = 0 then ''
    when pg_temp.dice('has phone', id, 100) < 75
      then '+55' || pg_temp.pick('area', id, array['11', '21', '31', '41', '51', '71', '81', '92'])
        || 900000000 + pg_temp.dice('phone', id, 99999999)
  end,
  account_id,
  created_at,
  created_at,
  case
    when id % 5 = 0 then jsonb_build_object('city', 'São Paulo', 'country', 'Brazil', 'country_code', 'BR')
    when id % 7 = 0 then jsonb_build_object('company_name', 'Padaria ' || id)
    else '{}'
  end,
  case
    when id = empty_identifier then ''
    when pg_temp.dice('has identifier', id, 100) < 60 then 'cliente-' || id
  end,
  created_at,
  pg_temp.dice('contact type', id, 3),
  case
    when id % 5 = 0 then 'São Paulo'
    else ''
  end,
  case
    when id % 5 = 0 then 'Brazil'
    else ''
  end,
  case
    when id % 4 = 0 then jsonb_build_object('plano', (array['bronze', 'prata', 'ouro'])[1 + id % 3])
    else '{}'
  end,
  id % 43 = 0,
  case when id % 11 = 0 then 1 + id % 20 end
from (
  select
    id,
    account_id,
    pg_temp.first_name('contact', id) || ' ' || pg_temp.last_name('contact', id) as name,
    current_setting('demo.now')::timestamp - interval '590 days'
      + pg_temp.micros(pg_temp.dice('contact', id, 4320000000000)) as created_at,
    -- Unique within the account, so that an empty text fits only once.
    nth_value(id, 2) over account as empty_email,
    nth_value(id, 3) over account as empty_identifier
  from (
    select
      id,
      (array[1, 1, 1, 1, 1, 1, 1, 2, 2, 3])[1 + id % 10] as account_id
    from generate_series(1, ceil(current_setting('demo.conversations')::integer * 0.7)::integer) as id
  ) as numbered
  window account as (
    partition by account_id
    order by id
    rows between unbounded preceding and unbounded following
  )
) as person
order by id;

insert into contact_inboxes (id, contact_id, inbox_id, source_id, created_at, updated_at, hmac_verified, pubsub_token)
select
  contacts.id,
  contacts.id,
  pg_temp.favour('inbox', contacts.id, demo_account.inboxes),
  md5('source' || contacts.id),
  contacts.created_at,
  contacts.created_at,
  false,
  md5('pubsub contact' || contacts.id)
from contacts
join demo_account using (account_id)
order by contacts.id;
