-- The indexes of Chatwoot 4.14 except the trigram ones. What is missing matters most: no updated_at has an index, and among the
-- created_at only that of messages.

create index index_accounts_on_status on accounts (status);

create index index_users_on_email on users (email);
create index index_users_on_otp_required_for_login on users (otp_required_for_login);
create unique index index_users_on_otp_secret on users (otp_secret);
create unique index index_users_on_pubsub_token on users (pubsub_token);
create unique index index_users_on_reset_password_token on users (reset_password_token);
create unique index index_users_on_uid_and_provider on users (uid, provider);

create index index_account_users_on_account_id on account_users (account_id);
create index index_account_users_on_agent_capacity_policy_id on account_users (agent_capacity_policy_id);
create index index_account_users_on_custom_role_id on account_users (custom_role_id);
create index index_account_users_on_user_id on account_users (user_id);
create unique index index_account_users_on_account_id_and_user_id on account_users (account_id, user_id);

create index index_teams_on_account_id on teams (account_id);
create unique index index_teams_on_name_and_account_id on teams (name, account_id);

create index index_inboxes_on_account_id on inboxes (account_id);
create index index_inboxes_on_channel_id_and_channel_type on inboxes (channel_id, channel_type);
create index index_inboxes_on_portal_id on inboxes (portal_id);

create index index_labels_on_account_id on labels (account_id);
create unique index index_labels_on_title_and_account_id on labels (title, account_id);

create index index_campaigns_on_account_id on campaigns (account_id);
create index index_campaigns_on_campaign_status on campaigns (campaign_status);
create index index_campaigns_on_campaign_type on campaigns (campaign_type);
create index index_campaigns_on_inbox_id on campaigns (inbox_id);
create index index_campaigns_on_scheduled_at on campaigns (scheduled_at);

create index index_contacts_on_account_id on contacts (account_id);
create index index_contacts_on_account_id_and_contact_type on contacts (account_id, contact_type);
create index index_contacts_on_account_id_and_last_activity_at
  on contacts (account_id, last_activity_at desc nulls last);
create index index_contacts_on_blocked on contacts (blocked);
create index index_contacts_on_company_id on contacts (company_id);
create index index_contacts_on_lower_email_account_id on contacts (lower(email), account_id);
create index index_contacts_on_phone_number_and_account_id on contacts (phone_number, account_id);
create unique index uniq_email_per_account_contact on contacts (email, account_id);
create unique index uniq_identifier_per_account_contact on contacts (identifier, account_id);
create index index_contacts_on_nonempty_fields on contacts (account_id, email, phone_number, identifier)
  where email <> '' or phone_number <> '' or identifier <> '';
create index index_resolved_contact_account_id on contacts (account_id)
  where email <> '' or phone_number <> '' or identifier <> '';

create index index_contact_inboxes_on_contact_id on contact_inboxes (contact_id);
create index index_contact_inboxes_on_inbox_id on contact_inboxes (inbox_id);
create unique index index_contact_inboxes_on_inbox_id_and_source_id on contact_inboxes (inbox_id, source_id);
create unique index index_contact_inboxes_on_pubsub_token on contact_inboxes (pubsub_token);
create index index_contact_inboxes_on_source_id on contact_inboxes (source_id);

create index index_conversations_on_account_id on conversations (account_id);
create index index_conversations_on_account_id_and_id on conversations (account_id, id);
create unique index index_conversations_on_account_id_and_display_id on conversations (account_id, display_id);
create index conv_acid_inbid_stat_asgnid_idx on conversations (account_id, inbox_id, status, assignee_id);
create index index_conversations_on_assignee_id_and_account_id on conversations (assignee_id, account_id);
create index index_conversations_on_campaign_id on conversations (campaign_id);
create index index_conversations_on_contact_id on conversations (contact_id);
create index index_conversations_on_contact_inbox_id on conversations (contact_inbox_id);
create index index_conversations_on_first_reply_created_at on conversations (first_reply_created_at);
create index index_conversations_on_identifier_and_account_id on conversations (identifier, account_id);
create index index_conversations_on_inbox_id on conversations (inbox_id);
create index index_conversations_on_priority on conversations (priority);
create index index_conversations_on_status_and_account_id on conversations (status, account_id);
create index index_conversations_on_status_and_priority on conversations (status, priority);
create index index_conversations_on_team_id on conversations (team_id);
create unique index index_conversations_on_uuid on conversations (uuid);
create index index_conversations_on_waiting_since on conversations (waiting_since);

create index index_messages_on_account_id on messages (account_id);
create index index_messages_on_account_id_and_content_type_and_created_at
  on messages (account_id, content_type, created_at);
create index index_messages_on_account_id_and_created_at_and_message_type
  on messages (account_id, created_at, message_type);
create index index_messages_on_account_id_and_inbox_id on messages (account_id, inbox_id);
create index index_messages_on_additional_attributes_campaign_id
  on messages using gin ((additional_attributes -> 'campaign_id'));
create index index_messages_on_conversation_id on messages (conversation_id);
create index index_messages_on_conversation_account_type_created
  on messages (conversation_id, account_id, message_type, created_at);
create index index_messages_on_created_at on messages (created_at);
create index index_messages_on_inbox_id on messages (inbox_id);
create index index_messages_on_sender_type_and_sender_id on messages (sender_type, sender_id);
create index index_messages_on_source_id on messages (source_id);

create index index_csat_survey_responses_on_account_id on csat_survey_responses (account_id);
create index index_csat_survey_responses_on_assigned_agent_id on csat_survey_responses (assigned_agent_id);
create index index_csat_survey_responses_on_contact_id on csat_survey_responses (contact_id);
create index index_csat_survey_responses_on_conversation_id on csat_survey_responses (conversation_id);
create unique index index_csat_survey_responses_on_message_id on csat_survey_responses (message_id);
create index index_csat_survey_responses_on_review_notes_updated_by_id
  on csat_survey_responses (review_notes_updated_by_id);

create index index_reporting_events_on_account_id on reporting_events (account_id);
create index index_reporting_events_on_conversation_id on reporting_events (conversation_id);
create index index_reporting_events_on_created_at on reporting_events (created_at);
create index index_reporting_events_on_inbox_id on reporting_events (inbox_id);
create index index_reporting_events_on_name on reporting_events (name);
create index index_reporting_events_on_user_id on reporting_events (user_id);
create index reporting_events__account_id__name__created_at on reporting_events (account_id, name, created_at);

create index index_attachments_on_account_id on attachments (account_id);
create index index_attachments_on_message_id on attachments (message_id);

create index index_conversation_participants_on_account_id on conversation_participants (account_id);
create index index_conversation_participants_on_conversation_id on conversation_participants (conversation_id);
create unique index index_conversation_participants_on_user_id_and_conversation_id
  on conversation_participants (user_id, conversation_id);
create index index_conversation_participants_on_user_id on conversation_participants (user_id);

create index index_agent_bots_on_account_id on agent_bots (account_id);
create unique index index_captain_inboxes_on_captain_assistant_id_and_inbox_id
  on captain_inboxes (captain_assistant_id, inbox_id);
create index index_captain_inboxes_on_inbox_id on captain_inboxes (inbox_id);
create index index_companies_on_account_id on companies (account_id);
create index index_companies_on_name_and_account_id on companies (name, account_id);
create index index_sla_policies_on_account_id on sla_policies (account_id);

create unique index index_applied_slas_on_account_sla_policy_conversation
  on applied_slas (account_id, sla_policy_id, conversation_id);
create index index_applied_slas_on_account_id on applied_slas (account_id);
create index index_applied_slas_on_conversation_id on applied_slas (conversation_id);
create index index_applied_slas_on_sla_policy_id on applied_slas (sla_policy_id);
create index index_sla_events_on_account_id on sla_events (account_id);
create index index_sla_events_on_applied_sla_id on sla_events (applied_sla_id);
create index index_sla_events_on_conversation_id on sla_events (conversation_id);

create unique index index_tags_on_name on tags (name);

create index index_taggings_on_context on taggings (context);
create index index_taggings_on_tag_id on taggings (tag_id);
create index index_taggings_on_taggable_id on taggings (taggable_id);
create index index_taggings_on_taggable_id_and_taggable_type_and_context
  on taggings (taggable_id, taggable_type, context);
create index index_taggings_on_taggable_type on taggings (taggable_type);
create index index_taggings_on_tagger_id on taggings (tagger_id);
create index index_taggings_on_tagger_id_and_tagger_type on taggings (tagger_id, tagger_type);
create index taggings_idy on taggings (taggable_id, taggable_type, tagger_id, context);
create unique index taggings_idx
  on taggings (tag_id, taggable_id, taggable_type, context, tagger_id, tagger_type);
