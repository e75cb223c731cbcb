-- Whether a bot is active in the row of `inboxes`, as Chatwoot's bot report asks. Old releases have no Captain; what the role may not read
-- can be known only where another table says yes.
(
  case
    when :reads_agent_bot_inboxes then exists (
      select
      from agent_bot_inboxes
      where agent_bot_inboxes.inbox_id = inboxes.id
        and agent_bot_inboxes.status = 0
    )
  end
  or case
    when :lacks_integrations_hooks then false
    when :reads_integrations_hooks then exists (
      select
      from integrations_hooks
      where integrations_hooks.inbox_id = inboxes.id
        and integrations_hooks.app_id = 'dialogflow'
        and integrations_hooks.status = 1
    )
  end
  or case
    when :lacks_captain_inboxes then false
    when :reads_captain_inboxes then exists (
      select
      from captain_inboxes
      where captain_inboxes.inbox_id = inboxes.id
    )
  end
)
