import type { Database } from './database.js'

export const seedView = 'vw_conversations_analytics_final'

/**
 * A view in the form that such views usually have, the seed's among them: messages are aggregated in subqueries by conversation, and
 * joined. It has fewer columns than the built-in query, which is in favour of the view.
 */
export async function createSeedView(source: Database): Promise<void> {
  await source.query(`
    create view ${seedView} as
    select
      c.id as conversation_id,
      c.display_id,
      c.uuid as conversation_uuid,
      c.account_id,
      c.status,
      c.priority,
      c.assignee_id,
      assignee.name as assignee_name,
      c.team_id,
      team.name as team_name,
      c.contact_id,
      contact.name as contact_name,
      contact.email as contact_email,
      contact.phone_number as contact_phone,
      c.inbox_id,
      inbox.name as inbox_name,
      inbox.channel_type as inbox_channel_type,
      account.name as account_name,
      c.created_at as conversation_created_at,
      c.updated_at as conversation_updated_at,
      c.last_activity_at,
      m.message_compiled,
      m.t_messages,
      m.total_messages_public,
      m.user_messages_count,
      m.contact_messages_count,
      m.mc_first_message_at,
      m.mc_last_message_at,
      m.avg_message_length,
      m.max_message_length,
      first_contact.sender_id as client_sender_id,
      client.phone_number as client_phone,
      csat.rating as csat_rating,
      csat.feedback_message as csat_feedback
    from conversations c
    left join (
      select
        conversation_id,
        jsonb_agg(
          jsonb_build_object(
            'message_id', id,
            'text', content,
            'sender', sender_type,
            'sender_id', sender_id,
            'sent_at', created_at,
            'message_type', message_type,
            'private', private
          )
          order by created_at, id
        ) as message_compiled,
        count(*) as t_messages,
        count(*) filter (where not private) as total_messages_public,
        count(*) filter (where not private and sender_type = 'User') as user_messages_count,
        count(*) filter (where not private and sender_type = 'Contact') as contact_messages_count,
        min(created_at) as mc_first_message_at,
        max(created_at) as mc_last_message_at,
        avg(length(content)) as avg_message_length,
        max(length(content)) as max_message_length
      from messages
      group by conversation_id
    ) m on m.conversation_id = c.id
    left join (
      select distinct on (conversation_id) conversation_id, sender_id
      from messages
      where sender_type = 'Contact'
      order by conversation_id, created_at, id
    ) first_contact on first_contact.conversation_id = c.id
    left join contacts client on client.id = first_contact.sender_id
    left join csat_survey_responses csat on csat.conversation_id = c.id
    left join contacts contact on contact.id = c.contact_id
    left join users assignee on assignee.id = c.assignee_id
    left join teams team on team.id = c.team_id
    left join inboxes inbox on inbox.id = c.inbox_id
    left join accounts account on account.id = c.account_id`)
}
