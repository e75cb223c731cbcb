-- Contacts that changed, with the conversations that show them. Each message moves contacts.updated_at, of a contact that may have
-- thousands of conversations: so each contact comes with fingerprints of what these show of it, and only those that show something else
-- are read. As in changed-conversations.sql, :since is a parameter of this statement.
--
-- :contact_print and :client_print are made of `r`; the former is of what a conversation shows of its contact, the latter of what it
-- shows of the contact who wrote first.
with
  touched as materialized (
    -- Contacts renamed or edited, and everyone who wrote. No index on contacts.updated_at: one scan of contacts.
    select id
    from contacts
    where updated_at >= :since::timestamp

    union

    -- Companies renamed. No index: one scan, then by index.
    select contacts.id
    from companies
    join contacts on contacts.company_id = companies.id
    where companies.updated_at >= :since::timestamp
  ),
  affected as (
    select contact_id, id, bool_or(is_own) as is_own
    from (
      select touched.id as contact_id, conversations.id, true as is_own
      from touched
      join conversations on conversations.contact_id = touched.id

      union all

      -- Contacts who wrote in a conversation that is not their own. By the index on the sender.
      select touched.id, messages.conversation_id, false
      from touched
      join messages on messages.sender_id = touched.id
      where messages.sender_type = 'Contact'
    ) each_one
    group by contact_id, id
  ),
  grouped as (
    select
      contact_id,
      array_agg(id::integer) filter (where is_own) as own_ids,
      array_agg(id::integer) filter (where not is_own and is_there) as other_ids,
      array_agg(id::integer) filter (where not is_own and not is_there) as lost_ids
    from (
      select
        contact_id,
        id,
        is_own,
        -- Messages outlive their conversation for a while.
        is_own or (select true from conversations where conversations.id = affected.id) is not null as is_there
      from affected
      where id is not null
    ) conversation
    group by contact_id
  )
select
  c.contact_id::text as contact_id,
  (:contact_print)::text as contact_print,
  (:client_print)::text as client_print,
  c.own_ids::text as own_ids,
  c.other_ids::text as other_ids,
  c.lost_ids::text as lost_ids
from (select null::text as identifier) absent
cross join grouped c
cross join lateral (
  :part_contact
) r
