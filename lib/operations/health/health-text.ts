import type { HealthRow } from '../../postgres/control/health.js'
import type { HealthCheck, Language } from './health-check.js'
import { countText, durationText } from '../../domain/quantity-text.js'

/** A row of the database as a check, in the words of the language. */
export function toCheck(row: HealthRow, language: Language = 'en'): HealthCheck {
  const { name, outcome, value, unit, warningLimit, criticalLimit } = row
  const remedy = language === 'en' ? row.remedy : (remedies[name] ?? row.remedy)
  return {
    ...{ name, outcome, value, unit, limit: warningLimit, criticalLimit },
    message: (language === 'en' ? english : portuguese)(row),
    remedy: outcome === 'ok' ? null : remedy,
  }
}

function english({ name, outcome, value, warningLimit, criticalLimit, detail }: HealthRow): string {
  const age = durationText(value ?? 0, 'en')
  const count = countText(value ?? 0, 'en')
  switch (name) {
    case 'last-success':
      if (value === null) return 'There has been no run yet.'
      if (detail === 'never') return `No run has succeeded yet; the first began ${age} ago.`
      return `The last successful run ended ${age} ago; the limit is ${durationText(criticalLimit ?? 0, 'en')}.`
    case 'watermark-lag':
      if (value === null) return 'It is unknown which state of the source the table shows.'
      return `The table shows the source as it was ${age} ago.`
    case 'scan-lag':
      if (value === null) return 'No run has scanned yet.'
      return `Changes that only a scan of a large table shows have arrived as of ${age} ago.`
    case 'running-run':
      if (value === null) return 'No run is in progress.'
      if (detail === 'dead') return `A run that began ${age} ago died without closing its row.`
      return `A run has been in progress for ${age}.`
    case 'failures':
      if (!value) return 'No run has failed since the last successful one.'
      return `${value === 1 ? 'The last run' : `The last ${count} runs`} failed. ${detail ?? ''}`.trim()
    case 'rejected-rows':
      if (!value) return 'The target has accepted every row.'
      return `Rows that the target rejects: ${count}.`
    case 'deleted-rows':
      return detail === null
        ? 'No other program is known to delete rows of the table.'
        : 'Another program has deleted rows of the table, which incremental runs do not bring back.'
    case 'differences':
      if (value === null) return 'Source and target have not been compared since the last full load.'
      return value > 0
        ? `Differences that remain after the last comparison: ${count}.`
        : 'Source and target are equal.'
    case 'margin':
      if (value === null) return 'No change was stamped late.'
      return `Changes were stamped up to ${age} late; the skew allowance is ${durationText(criticalLimit ?? warningLimit ?? 0, 'en')}.`
    case 'lake':
      return outcome === 'ok'
        ? `Every lake equals the table as it was ${age} ago or later.`
        : `A lake equals the table as it was ${age} ago. ${detail ?? ''}`.trim()
    case 'default-partition':
      return value
        ? `Rows in the default partition, as no month takes them: ${count}.`
        : 'Every row is in the partition of its month.'
    case 'earlier-table':
      return `The table of before has been kept for ${age}: ${detail ?? ''}.`
    case 'rebuilding':
      return `The table has been in rebuilding for ${age}: ${detail ?? ''}.`
    default:
      return `${name}: ${value ?? 'unknown'}.`
  }
}

function portuguese({ name, outcome, value, warningLimit, criticalLimit, detail }: HealthRow): string {
  const age = durationText(value ?? 0, 'pt-BR')
  const count = countText(value ?? 0, 'pt-BR')
  switch (name) {
    case 'last-success':
      if (value === null) return 'Ainda não houve nenhuma execução.'
      if (detail === 'never') return `Nenhuma execução teve sucesso ainda; a primeira começou há ${age}.`
      return `A última execução bem-sucedida terminou há ${age}; o limite é ${durationText(criticalLimit ?? 0, 'pt-BR')}.`
    case 'watermark-lag':
      if (value === null) return 'Não se sabe qual estado da origem a tabela mostra.'
      return `A tabela mostra a origem como estava há ${age}.`
    case 'scan-lag':
      if (value === null) return 'Nenhuma execução fez uma varredura ainda.'
      return `As mudanças que só uma varredura de uma tabela grande mostra chegaram até há ${age}.`
    case 'running-run':
      if (value === null) return 'Nenhuma execução em andamento.'
      if (detail === 'dead') return `Uma execução iniciada há ${age} morreu sem fechar o seu registro.`
      return `Uma execução está em andamento há ${age}.`
    case 'failures':
      if (!value) return 'Nenhuma execução falhou desde a última bem-sucedida.'
      return `${value === 1 ? 'A última execução falhou' : `As últimas ${count} execuções falharam`}. ${detail ?? ''}`.trim()
    case 'rejected-rows':
      if (!value) return 'O destino aceitou todas as linhas.'
      return `Linhas que o destino rejeita: ${count}.`
    case 'deleted-rows':
      return detail === null
        ? 'Não se sabe de outro programa que exclua linhas da tabela.'
        : 'Outro programa excluiu linhas da tabela, que execuções incrementais não trazem de volta.'
    case 'differences':
      if (value === null) return 'Origem e destino não foram comparados desde a última carga completa.'
      return value > 0
        ? `Diferenças que restam após a última comparação: ${count}.`
        : 'Origem e destino são iguais.'
    case 'margin':
      if (value === null) return 'Nenhum carimbo chegou atrasado.'
      return `Carimbos chegaram com até ${age} de atraso; a tolerância é de ${durationText(criticalLimit ?? warningLimit ?? 0, 'pt-BR')}.`
    case 'lake':
      return outcome === 'ok'
        ? `Cada lake é igual à tabela como estava há ${age} ou depois.`
        : `Um lake é igual à tabela como estava há ${age}. ${detail ?? ''}`.trim()
    case 'default-partition':
      return value
        ? `Linhas na partição padrão, pois nenhum mês as recebe: ${count}.`
        : 'Cada linha está na partição do seu mês.'
    case 'earlier-table':
      return `A tabela anterior ainda existe, há ${age}: ${detail ?? ''}.`
    case 'rebuilding':
      return `A tabela está sendo reconstruída, há ${age}: ${detail ?? ''}.`
    default:
      return `${name}: ${value ?? 'desconhecido'}.`
  }
}

const remedies: Readonly<Record<string, string>> = {
  'last-success': 'Veja chatwoot-sync status e se o agendamento ainda funciona.',
  'watermark-lag': 'Execute com mais frequência; em uma réplica, veja o quanto ela está atrasada.',
  'scan-lag': 'Execute chatwoot-sync sync --complete, e peça os índices que chatwoot-sync doctor mostra.',
  'running-run':
    'Veja em pg_stat_activity o que as conexões da execução esperam; se ela morreu, execute chatwoot-sync sync, que fecha o registro.',
  failures: 'Veja chatwoot-sync status e execute chatwoot-sync doctor.',
  'rejected-rows':
    'Veja em chatwoot-sync rejects o que o destino rejeitou e corrija a coluna: a próxima execução tenta de novo.',
  'deleted-rows':
    'Execute uma vez com --full, ou verify --repair; se for de propósito, execute com --accept-target-deletes.',
  differences: 'Execute chatwoot-sync verify --repair, e compare com mais frequência.',
  lake: 'Execute chatwoot-sync lake --to com o lugar dele; encerre um que não é mais necessário com --unregister.',
  'default-partition': 'Execute chatwoot-sync partition, que cria os meses dessas linhas.',
  'earlier-table':
    'Quando tudo o que a lia já lê a nova, execute chatwoot-sync partition --drop-before com o nome dela.',
  rebuilding: 'Execute chatwoot-sync partition de novo, que continua; ou com --cancel, que exclui a cópia.',
  margin:
    'Confira os relógios das máquinas do Chatwoot, aumente --skew-allowance e execute chatwoot-sync verify.',
}
