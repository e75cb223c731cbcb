-- The dialogs. A message's id follows its arrival, so those of one conversation are scattered among others, as in a real table.

-- In addition to the subjects: 100 private notes, 200 what agents did, 300 the end, 400 the greeting, 500 the survey.
insert into demo_line (subject, step, by_contact, body)
values
  (100, 0, false, 'Cliente já ligou duas vezes sobre o pedido {pedido}, tratar com prioridade.'),
  (100, 1, false, 'Aguardando retorno da transportadora até sexta. cc @{agente}'),
  (100, 2, false, E'Conferi no ERP:\n\t• pago\n\t• faturado\n\t• em separação'),
  (100, 3, false, 'Não prometer prazo!!'),
  (200, 0, false, 'Conversa atribuída a {agente}'),
  (200, 1, false, '{agente} adicionou a etiqueta urgente'),
  (200, 2, false, 'A prioridade foi definida como alta por {agente}'),
  (200, 3, false, '{agente} atribuiu a conversa à equipe suporte'),
  (300, 0, false, 'Conversa marcada como resolvida por {agente}'),
  (400, 0, false, 'Olá, {nome}! Recebemos sua mensagem e já vamos atender você. 👋'),
  (500, 0, false, 'Por favor, avalie esta conversa');
analyze demo_line;

insert into messages (
  content, account_id, inbox_id, conversation_id, message_type, created_at, updated_at, private, status, source_id,
  content_type, content_attributes, additional_attributes, sender_type, sender_id
)
select
  replace(replace(replace(body,
    '{nome}', pg_temp.first_name('contact', contact_id)),
    '{agente}', coalesce(nullif(users.display_name, ''), users.name)),
    '{pedido}', (100000 + pg_temp.dice('order', conversation_id * 1000 + (place - 1) / 10, 900000))::text),
  account_id,
  inbox_id,
  conversation_id,
  case
    when by_contact then 0
    when subject in (200, 300) then 2
    when subject in (400, 500) then 3
    else 1
  end,
  sent_at,
  -- The channel tells a while later that a message was read.
  case
    when delivery > 0 then least(sent_at + pg_temp.micros(pg_temp.dice('read', number, 60000000)), current_setting('demo.now')::timestamp)
    else sent_at
  end,
  subject = 100,
  delivery,
  case when by_contact and inbox_id in (1, 9) then 'wamid.' || md5('message' || number) end,
  case when subject = 500 then 9 else 0 end,
  -- Chatwoot stores a JSON text inside a JSON string; old rows and other writers hold the plain object or nothing.
  case
    when pg_temp.dice('deleted', number, 60) = 0 then '"{\"deleted\":true}"'
    when subject < 100 and not by_contact and sender_type is null then '"{\"external_echo\":true}"'
    when subject < 100 and not by_contact and pg_temp.dice('automation', number, 25) = 0 then '"{\"automation_rule_id\":3}"'
    else pg_temp.pick('attributes', number, array[
      '"{}"', '"{}"', '"{}"', '{}', '{}', null, null, null, '"{\"in_reply_to\":1}"', '{"in_reply_to": 1}'
    ])
  end::json,
  case
    when subject < 100 and not by_contact and pg_temp.dice('campaign', number, 40) = 0 then '{"campaign_id": 1}'::jsonb
    else '{}'
  end,
  sender_type,
  case sender_type
    when 'Contact' then contact_id
    when 'User' then agent_id
    when 'AgentBot' then 1
    when 'Captain::Assistant' then 1
  end
from (
  select
    *,
    case
      when subject in (100, 200) then pg_temp.dice('said', number, 4)
      when subject < 100 then 1 + (place - 1) % 10
      else 0
    end as step
  from (
    select
      id as conversation_id,
      account_id,
      inbox_id,
      contact_id,
      agent_id,
      bot,
      place,
      number,
      created_at + pg_temp.micros(case
        when place = messages then span
        when place = 1 then pg_temp.dice('beat', number, least(gap, 900000))
        -- Two messages at a time carry one stamp.
        when pg_temp.dice('tied', id, 13) = 0 then gap * ((place - 1) / 2 * 2)
        else gap * (place - 1) + pg_temp.dice('beat', number, gap * 6 / 10)
      end) as arrived_at,
      -- A few channels hand messages over late, with the time at which they were written.
      pg_temp.micros(case
        when place between 2 and messages - 1 and pg_temp.dice('late', id, 40) = 0
          then pg_temp.dice('late by', number, 7200000000)
        else 0
      end) as delay,
      case
        when place = 1 then subject
        when place = messages and surveyed then 500
        when place = messages - surveyed::integer and status = 1 then 300
        when place = 2 and pg_temp.dice('greeted', id, 3) = 0 then 400
        when kind < 5 then 100
        when kind < 9 then 200
        else (subject + (place - 1) / 10) % 6
      end as subject
    from demo_conversation
    cross join lateral generate_series(1, messages) as place
    cross join lateral (
      select
        id * 10000 + place as number,
        span / greatest(messages - 1, 1) as gap,
        pg_temp.dice('kind', id * 10000 + place, 100) as kind
    ) as message
  ) as placed
) as spoken
join demo_line using (subject, step)
join users on users.id = agent_id
cross join lateral (
  select
    arrived_at - delay as sent_at,
    case
      when subject >= 400 then null
      when subject >= 100 or by_contact then 0
      else pg_temp.pick('delivery', number, array[0, 1, 2, 2, 2, 3])
    end as delivery,
    case
      when by_contact then 'Contact'
      when subject = 100 then 'User'
      when subject > 100 then null
      when bot then 'AgentBot'
      -- A reply typed in the phone's own app leaves no sender.
      when pg_temp.dice('sender', number, 100) < 3 then null
      when pg_temp.dice('sender', number, 100) < 4 then 'Captain::Assistant'
      else 'User'
    end as sender_type
) as sent
order by arrived_at, conversation_id, place;

-- Three in five surveys are answered; one in three answers has a comment.
insert into csat_survey_responses (
  account_id, conversation_id, message_id, rating, feedback_message, contact_id, assigned_agent_id, created_at, updated_at
)
select
  messages.account_id,
  messages.conversation_id,
  messages.id,
  pg_temp.pick('rating', messages.id, array[5, 5, 5, 5, 4, 4, 3, 2, 1, 1]),
  pg_temp.pick('feedback', messages.id, array[
    null, null, null, null, null, '', 'Ótimo!', 'demorou', '👍🏽',
    'Fui muito bem atendida do começo ao fim, só achei que a primeira resposta demorou um pouco. Parabéns à equipe! 🎉',
    E'Nota baixa porque:\n1) ninguém leu o que escrevi;\n2) o "desconto" prometido não veio.', 'resolvido \o/'
  ]),
  demo_conversation.contact_id,
  demo_conversation.assignee_id,
  answered_at,
  answered_at
from messages
join demo_conversation on demo_conversation.id = messages.conversation_id
cross join lateral (
  select least(
    messages.created_at + pg_temp.micros(pg_temp.dice('answered', messages.id, 86400000000)),
    current_setting('demo.now')::timestamp
  ) as answered_at
) as answer
where messages.content_type = 9 and pg_temp.dice('answers', messages.id, 5) < 3
order by messages.id;
