import type { Subject } from './column-formulas.js'

/** The words of a page of columns, in one language. */
export interface Words {
  readonly path: string
  /** The page on moving, of which the formulas of the old view are read. */
  readonly moving: string
  /** Everything above the first subject. */
  readonly begin: string
  readonly title: (subject: Subject) => string
  readonly head: readonly string[]
  readonly made: (source: string) => string
  readonly content: (table: string) => string
  readonly atReading: string
  readonly silent: string
  /** What stands before the formula of what a column held once. */
  readonly changed: string
  readonly never: string
  readonly same: string
  readonly privacy: Readonly<Record<'none' | 'agent' | 'personal' | 'free', string>>
}

export const english: Words = {
  path: 'docs/columns.md',
  moving: 'docs/moving-from-python.md',
  begin: `# Columns

[README](../README.md) · [Em português do Brasil](pt-BR/columns.md) · See also: [data](data.md)

Every column of \`conversas_analytics\` and of its view \`vw_conversas_analytics\`, by subject. This page is written by \`npm run schema\` from the
comments in the database, and CI fails where the two differ.

- **Meaning**: where it [changed](data.md#columns-that-changed), with the formula of what the column held before.
- **Made of**: the columns of Chatwoot that are read, or a formula over other columns of the table, which a test computes. A formula over
  texts or events holds where they are [loaded](personal-data.md). Some columns need [a grant of their own](data.md#grants-for-more-columns)
  and are NULL without it.
- **Since**: the first release of Chatwoot that has the source; before it, the column is NULL, 0 or false. \`1.18\` is the oldest release that is
  supported; where two are named, the source came with one of them or in between.
- **A change shows in**: the columns of Chatwoot by which an incremental run finds a change, or the table whose content it compares. See
  also [changes that leave no trace](promises.md#changes-that-leave-no-trace).
- **Privacy**: data of a person; the work of agents; free, that is whatever users of Chatwoot or customers put there; or none of these.
- **In the old view**: what the view of the [Python pipeline](moving-from-python.md#dashboards) returned, as a formula over the table.
`,
  title: ({ english: title }) => title,
  head: ['Column', 'Meaning', 'Made of', 'Since', 'A change shows in', 'Privacy', 'In the old view'],
  made: (source) => source,
  content: (table) => `content of \`${table}\``,
  atReading: 'computed at each reading',
  silent: '`verify` and full runs only',
  changed: '[Before](data.md#columns-that-changed)',
  never: 'does not change',
  same: 'the same',
  privacy: { none: 'none', agent: 'agents', personal: 'personal', free: 'free' },
}

export const portuguese: Words = {
  path: 'docs/pt-BR/columns.md',
  moving: 'docs/pt-BR/moving-from-python.md',
  begin: `# Colunas

[README](../../README.pt-BR.md) · [In English](../columns.md) · Veja também: [dados](data.md)

Toda coluna de \`conversas_analytics\` e da view dela, \`vw_conversas_analytics\`, por assunto. Esta página é escrita por \`npm run schema\` a
partir dos comentários do banco, e a CI falha onde os dois diferem.

- **Significado**: onde ele [mudou](data.md#colunas-que-mudaram), com a fórmula do que a coluna guardava antes.
- **Feita de**: as colunas do Chatwoot que são lidas, ou uma fórmula sobre outras colunas da tabela, que um teste calcula. Uma fórmula sobre
  textos ou eventos vale onde eles são [carregados](personal-data.md). Algumas colunas precisam de [uma
  permissão própria](data.md#permissões-para-mais-colunas) e são NULL sem ela.
- **Desde**: a primeira versão do Chatwoot que tem a origem; antes dela, a coluna é NULL, 0 ou falsa. \`1.18\` é a versão mais antiga com suporte;
  onde há duas, a origem veio com uma delas ou entre elas.
- **Uma mudança aparece em**: as colunas do Chatwoot pelas quais uma execução incremental encontra uma mudança, ou a tabela cujo conteúdo ela
  compara. Veja também as [mudanças que não deixam rastro](../promises.md#changes-that-leave-no-trace).
- **Privacidade**: dado de uma pessoa; o trabalho dos agentes; livre, ou seja, o que usuários do Chatwoot ou clientes puseram ali; ou nada disso.
- **Na view antiga**: o que a view do [pipeline em Python](moving-from-python.md#dashboards) trazia, como fórmula sobre a tabela.
`,
  title: ({ portuguese: title }) => title,
  head: [
    'Coluna',
    'Significado',
    'Feita de',
    'Desde',
    'Uma mudança aparece em',
    'Privacidade',
    'Na view antiga',
  ],
  made: (source) => source.replaceAll('` of `', '` de `'),
  content: (table) => `conteúdo de \`${table}\``,
  atReading: 'calculada a cada leitura',
  silent: 'só `verify` e execuções completas',
  changed: '[Antes](data.md#colunas-que-mudaram)',
  never: 'não muda',
  same: 'o mesmo',
  privacy: { none: 'nenhuma', agent: 'agentes', personal: 'pessoal', free: 'livre' },
}
