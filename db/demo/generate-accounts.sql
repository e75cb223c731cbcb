-- Three accounts with their agents, teams, inboxes, labels and campaigns. Some inboxes have no time zone or one that PostgreSQL
-- does not know. Inbox 4, team 4 and user 8 are removed once the conversations that refer to them exist.

insert into accounts (id, name, created_at, updated_at, locale, domain, support_email, status)
select
  id,
  name,
  current_setting('demo.now')::timestamp - interval '600 days' + pg_temp.micros(pg_temp.dice('account', id, 86400000000)),
  current_setting('demo.now')::timestamp - interval '30 days' + pg_temp.micros(pg_temp.dice('account', id, 86400000000)),
  13,
  domain,
  'ajuda@' || domain,
  0
from (values
  (1, 'Loja Ipê', 'lojaipe.example'),
  (2, 'Café & Cia "São João"', 'cafesaojoao.example'),
  (3, 'Clínica D''Ávila', 'clinicadavila.example')
) as account (id, name, domain)
order by id;

insert into users (
  id, uid, encrypted_password, sign_in_count, current_sign_in_at, name, display_name, email, tokens, created_at, updated_at,
  pubsub_token, availability
)
select
  id,
  pg_temp.mailbox(name) || '.' || id || '@example.com',
  'not a password: ' || md5('password' || id),
  pg_temp.dice('sign in', id, 500),
  current_setting('demo.now')::timestamp - pg_temp.micros(pg_temp.dice('signed in', id, 259200000000)),
  name,
  case id % 5
    when 1 then split_part(name, ' ', 1)
    when 2 then ''
  end,
  pg_temp.mailbox(name) || '.' || id || '@example.com',
  '{"secret": "not a token"}',
  current_setting('demo.now')::timestamp - interval '599 days' + pg_temp.micros(pg_temp.dice('user', id, 86400000000)),
  current_setting('demo.now')::timestamp - pg_temp.micros(pg_temp.dice('signed in', id, 259200000000)),
  md5('pubsub user' || id),
  id % 3
from (
  select
    id,
    case id
      when 5 then 'Conceição "Ção" D''Água'
      when 9 then 'Zoë 🧑🏽‍💻 Łukaszewicz'
      else pg_temp.first_name('user', id) || ' ' || pg_temp.last_name('user', id)
    end as name
  from generate_series(1, 26) as id
) as person
order by id;

-- User 1 administers all three accounts.
insert into account_users (account_id, user_id, role, created_at, updated_at, active_at, availability)
select
  account_id,
  users.id,
  (users.id = 1)::integer,
  users.created_at,
  users.created_at,
  users.current_sign_in_at,
  users.availability
from users
join (values (1, 1, 14), (2, 15, 22), (3, 23, 26)) as account (account_id, first_user, last_user)
  on users.id = 1 or users.id between first_user and last_user
order by account_id, users.id;

insert into teams (id, name, description, account_id, created_at, updated_at)
select
  id,
  name,
  'Equipe de ' || name,
  account_id,
  current_setting('demo.now')::timestamp - interval '598 days',
  current_setting('demo.now')::timestamp - interval '598 days'
from (values
  (1, 1, 'vendas'),
  (2, 1, 'suporte'),
  (3, 1, 'financeiro'),
  (4, 1, 'trocas'),
  (5, 1, 'pós-venda'),
  (6, 1, 'logística'),
  (7, 2, 'atendimento'),
  (8, 2, 'ouvidoria'),
  (9, 3, 'recepção')
) as team (id, account_id, name)
order by id;

insert into inboxes (
  id, channel_id, account_id, name, created_at, updated_at, channel_type, timezone, email_address, csat_survey_enabled
)
select
  id,
  id,
  account_id,
  name,
  current_setting('demo.now')::timestamp - interval '597 days',
  current_setting('demo.now')::timestamp - interval '597 days',
  channel_type,
  timezone,
  email_address,
  true
from (values
  (1, 1, 'WhatsApp Vendas', 'Channel::Whatsapp', 'America/Sao_Paulo', null),
  (2, 1, 'Chat do site', 'Channel::WebWidget', 'UTC', null),
  (3, 1, 'Contato por e-mail', 'Channel::Email', null, 'contato@lojaipe.example'),
  (4, 1, 'API antiga', 'Channel::Api', 'UTC', null),
  (5, 1, 'Instagram @lojaipe', 'Channel::Instagram', 'Brasilia', null),
  (6, 1, 'Telegram', 'Channel::Telegram', 'America/Manaus', null),
  (7, 2, 'Widget', 'Channel::WebWidget', 'Asia/Kolkata', null),
  (8, 2, 'Suporte "premium" \ vip', 'Channel::Api', 'America/New_York', null),
  (9, 3, 'Recepção', 'Channel::Whatsapp', 'America/Sao_Paulo', null)
) as inbox (id, account_id, name, channel_type, timezone, email_address)
order by id;

insert into tags (id, name)
select
  id,
  name
from unnest(array[
  'entrega', 'troca', 'financeiro', 'pré-venda', 'cancelamento', 'elogio', 'vip', 'urgente', 'reclamação', 'b2b'
]) with ordinality as tag (name, id)
order by id;

-- The accounts share the tags of the same name, but each has its own label.
insert into labels (title, description, color, show_on_sidebar, account_id, created_at, updated_at)
select
  tags.name,
  'Assunto: ' || tags.name,
  '#' || substr(md5(tags.name), 1, 6),
  true,
  accounts.id,
  current_setting('demo.now')::timestamp - interval '590 days',
  current_setting('demo.now')::timestamp - interval '590 days'
from accounts
join tags on tags.id % accounts.id = 0
order by accounts.id, tags.id;

insert into campaigns (title, message, sender_id, account_id, inbox_id, created_at, updated_at, campaign_type, campaign_status)
select
  title,
  message,
  sender_id,
  account_id,
  inbox_id,
  current_setting('demo.now')::timestamp - interval '580 days',
  current_setting('demo.now')::timestamp - interval '580 days',
  campaign_type,
  campaign_type
from (values
  (1, 2, 1, 0, 'Carrinho abandonado', 'Oi! Esqueceu alguma coisa no carrinho? 🛒'),
  (1, 1, 2, 1, 'Dia das Mães', 'Só até domingo: frete grátis para todo o Brasil 💐'),
  (2, 7, 15, 0, 'Boas-vindas', 'Bem-vindo(a)! Posso ajudar a escolher o seu café?')
) as campaign (account_id, inbox_id, sender_id, campaign_type, title, message);

-- What a conversation can refer to, by account.
create temporary table demo_account as
select
  accounts.id as account_id,
  (select array_agg(id order by id) from inboxes where account_id = accounts.id) as inboxes,
  (select array_agg(id order by id) from teams where account_id = accounts.id) as teams,
  (select array_agg(user_id::integer order by user_id) from account_users where account_id = accounts.id) as agents,
  (select array_agg(title::text order by id) from labels where account_id = accounts.id) as labels,
  (select array_agg(id order by id) from campaigns where account_id = accounts.id) as campaigns
from accounts;
