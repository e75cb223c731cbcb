/** The comments of the columns in Portuguese, by column. */
export const portugueseMeanings: Readonly<Record<string, string>> = {
  conversation_id: 'conversations.id, único em todas as contas.',
  display_id: 'Número que os agentes veem, único dentro de uma conta.',
  conversation_uuid: 'Identificador público.',
  account_id: 'Conta a que a conversa pertence.',
  account_name: 'Nome da conta.',
  inbox_id: 'Caixa de entrada por onde chegou.',
  inbox_name: 'Nome dessa caixa de entrada.',
  inbox_channel_type: 'Tipo de canal, como Channel::WebWidget.',
  inbox_timezone: 'Fuso horário definido na caixa de entrada, como o Chatwoot o guarda.',
  inbox_has_bot:
    'A caixa de entrada tem um bot ativo agora, como pergunta o relatório de bots do Chatwoot: agent_bot_inboxes.status 0, integrations_hooks do dialogflow com status 1, ou captain_inboxes. NULL quando essas tabelas não podem ser lidas.',
  conversation_url:
    'Endereço da conversa no Chatwoot: a opção chatwootUrl e /app/accounts/account_id/conversations/display_id; NULL sem a opção.',
  labels:
    'Etiquetas da conversa; vazio quando não há nenhuma. De taggings, que os relatórios do Chatwoot usam, senão de cached_label_list; antes, de taggings só onde esta era NULL.',
  custom_attributes:
    'Atributos personalizados da conversa. Podem conter qualquer coisa que usuários do Chatwoot puseram neles.',
  additional_attributes: 'O que o canal informou sobre a conversa. Pode conter qualquer coisa.',
  referer:
    'Página de onde o cliente escreveu, do widget do site: additional_attributes.referer; o endereço pode conter tokens.',
  browser_name: 'Navegador do cliente, do widget do site: additional_attributes.browser.browser_name.',
  platform_name:
    'Sistema operacional do cliente, do widget do site: additional_attributes.browser.platform_name.',
  browser_language:
    'Idioma do navegador do cliente, do widget do site: additional_attributes.browser_language.',

  status:
    '0 aberta, 1 resolvida, 2 pendente, 3 adiada; outros números vêm de versões mais novas ou de forks.',
  status_label_pt:
    'Status em português: Aberta, Resolvida, Pendente, Adiada; Desconhecido (n) para outro número.',
  is_open: 'Status 0.',
  is_resolved: 'Status 1.',
  is_pending: 'Status 2.',
  is_snoozed: 'Status 3, e o adiamento não terminou na hora da leitura.',
  snoozed_until: 'Fim do adiamento, UTC.',
  priority: 'NULL nenhuma, 0 baixa, 1 média, 2 alta, 3 urgente.',
  priority_label:
    'Prioridade em português: Nenhuma, Baixa, Média, Alta, Urgente; Desconhecida (n) para outro número.',
  priority_score: 'De 0 nenhuma a 4 urgente, para ordenar e tirar médias.',
  has_priority: 'Há uma prioridade definida.',
  is_high_priority: 'Prioridade alta ou urgente.',

  assignee_id: 'Agente a quem está atribuída.',
  assignee_name: 'Nome desse agente.',
  assignee_display_name:
    'Nome com que aparece o agente a quem está atribuída: users.display_name, senão users.name.',
  assignee_email: 'E-mail desse agente; NULL em vez de um texto vazio.',
  is_assigned: 'Tem um agente.',
  team_id: 'Time a que está atribuída.',
  team_name: 'Nome desse time.',
  has_team: 'Tem um time.',
  agent_ids: 'Agentes que enviaram mensagens públicas, na ordem da primeira de cada um.',
  agents: 'Nomes desses agentes, na mesma ordem; NULL para quem não existe mais.',
  participant_ids:
    'Agentes que participam, em ordem: conversation_participants.user_id. A retirada de um não deixa rastro.',
  assignee_agent_bot_id: 'Bot a que está atribuída.',
  bot_name: 'Nome desse bot: agent_bots.name.',

  contact_id: 'Cliente.',
  contact_name: 'Nome do cliente.',
  contact_email: 'E-mail do cliente; NULL em vez de um texto vazio.',
  contact_phone: 'Telefone do cliente; NULL em vez de um texto vazio.',
  contact_identifier: 'Id do cliente nos sistemas da própria empresa; NULL em vez de um texto vazio.',
  has_contact: 'A linha do cliente existe.',
  contact_city: 'Cidade do cliente: contacts.additional_attributes.city, senão contacts.location.',
  contact_country:
    'País do cliente: contacts.additional_attributes.country, senão contacts.country_code, que guarda um nome.',
  contact_country_code: 'Código desse país: contacts.additional_attributes.country_code.',
  contact_company:
    'Empresa do cliente: companies.name (Enterprise, desde o Chatwoot 4.7), senão contacts.additional_attributes.company_name.',
  contact_blocked: 'O cliente está bloqueado.',
  contact_type: '0 visitante, 1 lead, 2 cliente.',
  contact_custom_attributes:
    'Atributos personalizados do cliente. Podem conter qualquer coisa que usuários do Chatwoot puseram neles.',
  client_sender_id: 'Contato que escreveu a primeira mensagem de um contato.',
  client_phone: 'Telefone desse contato; NULL em vez de um texto vazio.',
  empty_texts:
    'Quais de contact_email, contact_phone, contact_identifier, assignee_email e client_phone são textos vazios no Chatwoot, onde a coluna é NULL; NULL quando nenhuma é.',

  campaign_id: 'Campanha que iniciou a conversa.',
  campaign_title: 'Título da campanha que a iniciou: campaigns.title.',
  is_from_campaign: 'Começou com uma campanha.',
  sla_policy_id: 'Política de nível de serviço (Enterprise).',
  sla_policy_name: 'Nome dessa política. NULL quando a tabela sla_policies não pode ser lida.',
  sla_status:
    'Da última política aplicada: 0 ativo, 1 cumprido, 2 perdido, 3 ativo com perdas; applied_slas.sla_status.',
  sla_applied_at: 'Quando foi aplicada, UTC: applied_slas.created_at.',
  sla_missed_types:
    'O que se perdeu, sem repetição e em ordem: frt primeira resposta, nrt próxima resposta, rt resolução; um número para outro sla_events.event_type.',
  is_sla_missed: 'sla_status 2 ou 3, que o relatório do Chatwoot conta como perdido.',

  conversation_created_at: 'Início da conversa, UTC.',
  conversation_updated_at:
    'Última mudança que o Chatwoot carimbou na conversa, UTC; nem toda mudança mexe nela.',
  last_activity_at: 'Horário da mensagem mais nova segundo o Chatwoot, UTC; pode andar para trás.',
  conversation_duration_seconds: 'Do início à última atividade, em segundos inteiros.',
  waiting_since: 'Desde quando o cliente espera uma resposta, UTC.',
  is_waiting: 'O cliente espera uma resposta.',
  waiting_time_seconds: 'Há quanto tempo o cliente espera, em segundos inteiros, na hora da leitura.',
  is_waiting_long: 'O cliente espera há mais de 3600 segundos, na hora da leitura.',
  first_reply_created_at: 'Primeira resposta humana, UTC.',
  first_response_time_seconds: 'Do início à primeira resposta humana, em segundos inteiros.',
  first_response_time_minutes: 'O mesmo em minutos, com uma casa decimal.',
  is_fast_response: 'Primeira resposta humana em menos de 300 segundos.',
  is_slow_response: 'Primeira resposta humana depois de mais de 1800 segundos.',
  resolution_time_seconds:
    'Das conversas resolvidas, em segundos inteiros: o valor do último evento conversation_resolved, do início à resolução; sem ele, do início à última mudança carimbada (veja resolution_source).',
  is_fast_resolution: 'Resolvida, com resolution_time_seconds abaixo de 7200.',
  resolution_source:
    'Das conversas resolvidas, de onde vem resolution_time_seconds: event, o último evento conversation_resolved; stamp, a última mudança carimbada, por não haver tal evento.',
  contact_last_seen_at: 'Quando o cliente olhou pela última vez, UTC.',
  contact_has_seen: 'O cliente olhou ao menos uma vez.',
  agent_last_seen_at:
    'Quando um agente olhou pela última vez, UTC; mudanças só nela são encontradas pelo verify.',
  agent_has_seen: 'Um agente olhou ao menos uma vez.',

  reporting_events:
    'De que são feitos os relatórios do Chatwoot: os reporting_events da conversa, objetos de id, name, value, value_in_business_hours, event_start_time, event_end_time, created_at, user_id, inbox_id em ordem de created_at e id; segundos, UTC. Uma linha que existe duas vezes conta duas vezes. [] quando não há nenhum, NULL quando a tabela não pode ser lida. Horário comercial e horas do evento desde a 2.4.',
  first_resolved_at:
    'Primeira vez em que foi resolvida, UTC: o event_end_time mais antigo dos eventos conversation_resolved.',
  resolved_at:
    'Última vez em que foi resolvida, UTC, esteja aberta de novo ou não: o event_end_time mais novo dos eventos conversation_resolved.',
  resolutions_count:
    'Quantas vezes foi resolvida, como o Chatwoot conta: os eventos conversation_resolved, os repetidos também.',
  reopened_count:
    'Quantas vezes foi reaberta depois de resolvida: os eventos conversation_opened com valor acima de 0; onde não há conversation_opened, que o Chatwoot grava desde a 4.5, o número de resoluções menos uma.',
  bot_resolutions_count:
    'Quantas vezes um bot a resolveu, como o Chatwoot conta: os eventos conversation_bot_resolved. Antes da 3.7, NULL.',
  chatwoot_first_response_seconds:
    'Tempo de primeira resposta como nos relatórios do Chatwoot, em segundos inteiros: o valor do evento first_response, desde o início, a reabertura ou a transferência até a primeira resposta humana.',
  chatwoot_first_response_business_seconds:
    'O mesmo no horário comercial da caixa de entrada; 0 onde ela não tem um.',
  chatwoot_first_resolution_seconds:
    'Do início à primeira resolução, em segundos inteiros: o valor do primeiro evento conversation_resolved.',
  chatwoot_first_resolution_business_seconds:
    'O mesmo no horário comercial da caixa de entrada; 0 onde ela não tem um.',
  chatwoot_resolution_seconds:
    'Do início à última resolução, em segundos inteiros, esteja aberta de novo ou não: o valor do último evento conversation_resolved.',
  chatwoot_resolution_business_seconds:
    'O mesmo no horário comercial da caixa de entrada; 0 onde ela não tem um.',
  reply_time_count:
    'Respostas humanas depois da primeira, a um cliente que esperava: os eventos reply_time. Antes da 3.0, 0 ou NULL.',
  reply_time_avg_seconds:
    'Tempo médio que o cliente esperou por elas, em segundos: o valor médio dos eventos reply_time.',
  reply_time_avg_business_seconds: 'O mesmo no horário comercial da caixa de entrada; 0 onde ela não tem um.',
  bot_handoff_at:
    'Quando um bot a transferiu para agentes, UTC: o event_end_time do evento conversation_bot_handoff.',
  has_bot_handoff: 'Um bot a transferiu para agentes.',

  message_compiled:
    'Todas as mensagens em ordem de tempo: message_id, text, sender, sender_id, sent_at, message_type, private.',
  t_messages: 'Mensagens de todo tipo.',
  total_messages_public: 'Mensagens que não são notas privadas.',
  total_messages_private: 'Notas privadas.',
  private_notes_count: 'Notas privadas.',
  user_messages_count: 'Mensagens públicas de agentes.',
  contact_messages_count: 'Mensagens públicas de contatos.',
  user_message_ratio:
    'Fração dos agentes nas mensagens públicas, de 0 a 1, com duas casas decimais; NULL sem nenhuma.',
  contact_message_ratio:
    'Fração dos contatos nas mensagens públicas, de 0 a 1, com duas casas decimais; NULL sem nenhuma.',
  has_user_messages: 'Um agente escreveu publicamente.',
  has_contact_messages: 'Um contato escreveu.',
  has_private_notes: 'Tem notas privadas.',
  has_contact_reply: 'Um contato escreveu depois que um agente tinha escrito.',
  has_human_intervention:
    'Uma pessoa respondeu, pela regra dos relatórios do Chatwoot: enviada e pública, por um agente, aqui ou no próprio aplicativo do canal, e nem automação nem campanha.',
  is_bot_resolved:
    'Resolvida, e a última resolução tem um evento conversation_bot_resolved; antes do Chatwoot 3.7, ou sem acesso a reporting_events: resolvida, um bot escreveu e nenhuma pessoa respondeu.',
  is_one_touch:
    'Resolvida com uma única resposta humana: enviada e pública, por um agente, aqui ou no próprio aplicativo do canal, e nem automação nem campanha.',
  is_short_conversation: 'No máximo 5 mensagens públicas.',
  is_long_conversation: 'Mais de 20 mensagens públicas.',
  mc_first_message_at: 'Horário da primeira mensagem, UTC.',
  mc_last_message_at: 'Horário da última mensagem, UTC.',
  first_public_message_at: 'Horário da primeira mensagem que não é nota privada, UTC.',
  last_public_message_at: 'Horário da última mensagem que não é nota privada, UTC.',
  avg_time_between_messages_seconds:
    'Pausa média entre mensagens, com uma casa decimal; NULL abaixo de duas mensagens.',
  first_message_text:
    'Texto da primeira mensagem pública que não é nem uma linha sobre o que aconteceu nem um modelo; NULL sem nenhuma.',
  last_message_text:
    'Texto da última mensagem pública que não é nem uma linha sobre o que aconteceu nem um modelo; NULL sem nenhuma.',
  first_message_sender_type:
    'Quem enviou a mensagem de first_message_text: User, Contact, AgentBot ou outro; NULL sem remetente.',
  last_message_sender_type: 'Quem enviou a mensagem de last_message_text.',
  avg_message_length: 'Comprimento médio dos textos em caracteres, com uma casa decimal.',
  max_message_length: 'Texto mais longo, em caracteres.',
  public_texts_count: 'Mensagens com texto que não são notas privadas; um texto vazio conta.',
  public_texts_length: 'Soma dos comprimentos desses textos, em caracteres; NULL sem nenhum.',
  longest_public_text: 'Comprimento do mais longo desses textos, em caracteres; NULL sem nenhum.',
  messages_by_users_count: 'Mensagens de agentes, incluindo as notas privadas.',
  messages_by_contacts_count: 'Mensagens de contatos, incluindo as privadas.',
  incoming_messages_count:
    'Mensagens de message_type 0, como os relatórios do Chatwoot as contam, as privadas também.',
  outgoing_messages_count:
    'Mensagens de message_type 1, como os relatórios do Chatwoot as contam: notas privadas, bots, campanhas, automação, com falha e apagadas também.',
  activity_messages_count: 'Mensagens de message_type 2: linhas sobre o que aconteceu.',
  template_messages_count: 'Mensagens de message_type 3: modelos, como a saudação e a pesquisa.',
  content_types:
    'Mensagens por content_type, um objeto de número e contagem: 0 texto, 9 pesquisa, outros como o Chatwoot os numera.',
  deleted_messages_count:
    'Mensagens que foram apagadas: o Chatwoot as mantém com outro texto e content_attributes.deleted.',
  failed_messages_count: 'Mensagens que não foram entregues: messages.status 3.',
  external_echo_count:
    'Mensagens que um agente enviou no próprio aplicativo do canal: content_attributes.external_echo. Antes da 4.11, 0.',
  automation_messages_count:
    'Mensagens de message_type 1 enviadas por uma regra de automação: content_attributes.automation_rule_id; as apagadas o perdem.',
  campaign_messages_count:
    'Mensagens enviadas por uma campanha: additional_attributes.campaign_id. Antes da 2.5, 0.',
  attachments_count: 'Anexos das mensagens. NULL quando a tabela attachments não pode ser lida.',
  attachment_types:
    'Tipos desses anexos, sem repetição e em ordem: attachments.file_type, 0 imagem, 1 áudio, 2 vídeo, 3 arquivo, outros como o Chatwoot os numera.',

  csat_response_id: 'Resposta mais recente à pesquisa de satisfação; uma conversa pode ter várias.',
  csat_rating: 'De 1 a 5.',
  csat_feedback: 'O que o cliente escreveu junto com a nota.',
  csat_created_at: 'Horário dessa resposta, UTC.',
  has_csat: 'A pesquisa foi respondida.',
  csat_nps_category: '5 Promotor, 4 Neutro, 1 a 3 Detrator, senão Sem Rating.',
  csat_sentiment_category: '4 e 5 Positivo, 3 Neutro, 1 e 2 Negativo, senão Sem Rating.',
  has_written_feedback: 'O comentário tem mais do que espaços.',
  has_detailed_feedback: 'O comentário tem mais de 50 caracteres.',
  csat_feedback_length: 'Comprimento de csat_feedback, em caracteres; NULL sem comentário.',
  csat_sent_at:
    'Quando a pesquisa de satisfação foi enviada, UTC: created_at das mensagens de content_type 9, em ordem.',
  csat_responses:
    'Todas as respostas à pesquisa: objetos de id, rating, created_at, assigned_agent_id, message_id em ordem de created_at e id; UTC.',
  csat_assigned_agent_id: 'Agente avaliado pela última resposta; NULL quando o agente não existe mais.',
  csat_assigned_agent_name: 'Nome desse agente.',

  calendar_timezone:
    'Fuso horário das colunas de calendário: a opção timeZone, senão aquele em que a conta faz seus relatórios no Chatwoot, senão o da própria caixa de entrada, se os dois servidores o conhecem, senão UTC.',
  conversation_date: 'Dia do início.',
  conversation_year: 'Ano do início.',
  conversation_month: 'Mês do início, de 1 a 12.',
  conversation_day: 'Dia do mês do início.',
  conversation_day_of_week: 'De 0 domingo a 6 sábado.',
  conversation_hour: 'Hora do início, de 0 a 23.',
  conversation_minute: 'Minuto do início.',
  conversation_week_of_year: 'Semana ISO do início.',
  conversation_quarter: 'Trimestre do início.',
  conversation_day_name: 'Domingo a Sábado.',
  conversation_month_name: 'Janeiro a Dezembro.',
  conversation_period: '0 a 5 h Madrugada, 6 a 11 h Manhã, 12 a 17 h Tarde, 18 a 23 h Noite.',
  is_weekday: 'De segunda a sexta.',
  is_weekend: 'Sábado ou domingo.',
  is_business_hours: 'De segunda a sexta, das 9 h até antes das 18 h.',
  is_night_time: 'A partir das 20 h ou antes das 6 h.',
  conversation_date_formatted: 'DD/MM/YYYY.',
  conversation_datetime_formatted: 'DD/MM/YYYY HH24:MI:SS.',
  conversation_year_month: 'YYYY-MM.',
  conversation_year_week: 'IYYY-IW, a semana ISO com o ano dela.',
  days_since_creation: 'Dias desde o início, na hora da leitura.',
  is_today: 'Começou hoje.',
  is_yesterday: 'Começou ontem.',
  is_this_week: 'Começou nesta semana ISO.',
  is_this_month: 'Começou neste mês.',
  is_this_year: 'Começou neste ano.',

  deleted_at:
    'Quando uma leitura completa, o verify ou uma execução incremental constatou que o Chatwoot não tem mais a conversa; NULL enquanto tem.',
  etl_inserted_at: 'Quando a linha entrou nesta tabela.',
  etl_updated_at: 'Quando a linha mudou nesta tabela pela última vez.',
}
