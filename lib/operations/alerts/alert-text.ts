import type { Language } from '../health/health-check.js'
import type { AlertKind } from './alert-message.js'

interface Words {
  readonly opened: Readonly<Record<AlertKind, string>>
  readonly closed: Readonly<Record<Exclude<AlertKind, 'test'>, string>>
  readonly whatToDo: string
  readonly since: (from: string) => string
  readonly lasted: (from: string, to: string) => string
  readonly test: string
  readonly time: (utc: string) => string
}

const english: Words = {
  opened: {
    failure: 'a run failed',
    staleness: 'the table is stale',
    'stuck-run': 'a run is stuck',
    'rejected-rows': 'rows were rejected',
    differences: 'source and target differ',
    margin: 'the skew allowance is used up',
    lake: 'a lake is not up to date',
    'target-unreachable': 'the target cannot be used',
    test: 'this is a test',
  },
  closed: {
    failure: 'runs succeed again',
    staleness: 'the table is up to date again',
    'stuck-run': 'no run is stuck any more',
    'rejected-rows': 'no row is rejected any more',
    differences: 'source and target are equal again',
    margin: 'the skew allowance is sufficient again',
    lake: 'every lake is up to date again',
    'target-unreachable': 'the target can be used again',
  },
  whatToDo: 'What to do:',
  since: (from) => `Since ${from}.`,
  lasted: (from, to) => `It lasted from ${from} to ${to}.`,
  test: 'Alerts of chatwoot-sync are delivered here. No action is needed.',
  time: (utc) => `${utc.slice(0, 16)} UTC`,
}

const portuguese: Words = {
  opened: {
    failure: 'uma execução falhou',
    staleness: 'a tabela está desatualizada',
    'stuck-run': 'uma execução está travada',
    'rejected-rows': 'linhas foram rejeitadas',
    differences: 'origem e destino diferem',
    margin: 'a tolerância para carimbos atrasados se esgotou',
    lake: 'um lake está desatualizado',
    'target-unreachable': 'não é possível usar o destino',
    test: 'isto é um teste',
  },
  closed: {
    failure: 'as execuções voltaram a ter sucesso',
    staleness: 'a tabela está atualizada de novo',
    'stuck-run': 'nenhuma execução está mais travada',
    'rejected-rows': 'não há mais linhas rejeitadas',
    differences: 'origem e destino são iguais de novo',
    margin: 'a tolerância para carimbos atrasados voltou a ser suficiente',
    lake: 'todos os lakes estão atualizados de novo',
    'target-unreachable': 'o destino voltou a funcionar',
  },
  whatToDo: 'O que fazer:',
  since: (from) => `Desde ${from}.`,
  lasted: (from, to) => `Durou de ${from} até ${to}.`,
  test: 'Os alertas do chatwoot-sync chegam aqui. Nenhuma ação é necessária.',
  time: (utc) => `${utc.slice(8, 10)}/${utc.slice(5, 7)}/${utc.slice(0, 4)} ${utc.slice(11, 16)} UTC`,
}

export const wordsOf = (language: Language): Words => (language === 'en' ? english : portuguese)

/** What is wrong and what to do, in one paragraph. */
export function problemText(message: string, remedy: string | null, language: Language): string {
  return remedy === null ? message : `${message} ${wordsOf(language).whatToDo} ${remedy}`
}

export function titleOf(pipeline: string, text: string): string {
  return `chatwoot-sync, ${pipeline}: ${text}`
}
