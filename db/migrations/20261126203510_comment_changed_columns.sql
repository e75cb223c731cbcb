-- What columns mean since they follow the rules of Chatwoot's reports. A file of its own, which can run again: where the list of migrations
-- is lost, the earlier comments are written again, and these after them.

-- migrate:up
comment on column conversas_analytics.labels is 'Labels of the conversation; empty when there is none. From taggings, which Chatwoot''s reports join, else from cached_label_list; before, from taggings only where that was NULL.';
comment on column conversas_analytics.resolution_time_seconds is 'Of resolved conversations, whole seconds: the value of the last event conversation_resolved, from the start to the resolution; without one, from the start to the last stamped change (see resolution_source). Before, always the latter: case when status = 1 then floor(extract(epoch from conversation_updated_at - conversation_created_at)) end.';
comment on column conversas_analytics.is_fast_resolution is 'Resolved, with resolution_time_seconds under 7200. Before: case when status = 1 then conversation_updated_at - conversation_created_at < interval ''7200 seconds'' else false end.';
comment on column conversas_analytics.is_bot_resolved is 'Resolved, and its last resolution has an event conversation_bot_resolved; before Chatwoot 3.7, or without access to reporting_events: resolved, a bot wrote and no human answered. Before: is_resolved and not has_user_messages.';
comment on column conversas_analytics.has_human_intervention is 'A human answered by the rule of Chatwoot''s reports: outgoing and public, by an agent, here or in the channel''s own app, and neither automation nor campaign. Before: has_user_messages.';
comment on column conversas_analytics.first_message_text is 'Text of the first public message that is neither a line about what happened nor a template; NULL without any. Before, of the first public entry of message_compiled.';
comment on column conversas_analytics.last_message_text is 'Text of the last public message that is neither a line about what happened nor a template; NULL without any. Before, of the last public entry of message_compiled.';
comment on column conversas_analytics.first_message_sender_type is 'Who sent the message of first_message_text: User, Contact, AgentBot or another; NULL without a sender. Before, the sender of the first public entry of message_compiled.';
comment on column conversas_analytics.last_message_sender_type is 'Who sent the message of last_message_text. Before, the sender of the last public entry of message_compiled.';

-- migrate:down
comment on column conversas_analytics.labels is 'Labels of the conversation; empty when there is none.';
comment on column conversas_analytics.resolution_time_seconds is 'Of resolved conversations: from the begin to the last stamped change, whole seconds.';
comment on column conversas_analytics.is_fast_resolution is 'Resolved in under 7200 seconds.';
comment on column conversas_analytics.is_bot_resolved is 'Resolved, and no agent wrote publicly.';
comment on column conversas_analytics.has_human_intervention is 'An agent wrote publicly.';
comment on column conversas_analytics.first_message_text is 'Text of the first public message.';
comment on column conversas_analytics.last_message_text is 'Text of the last public message.';
comment on column conversas_analytics.first_message_sender_type is 'Who sent the first public message: User, Contact, AgentBot or another; NULL for the system.';
comment on column conversas_analytics.last_message_sender_type is 'Who sent the last public message.';
