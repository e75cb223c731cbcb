import { rowColumns } from '../../chatwoot/columns.js'
import { writableRemedy } from '../../pipeline/prepare/computed-columns.js'
import { computedColumns } from '../../pipeline/prepare/plan.js'
import { describeRelation, type Column, type Relation } from '../../postgres/driver/catalog.js'
import { identifier } from '../../postgres/driver/identifier.js'
import type { Session } from '../../postgres/driver/session.js'
import { readTableHazards, type TableHazards } from '../../postgres/target/table-hazards.js'
import { critical, warning, type Check } from './check.js'

/** What the owner of the table has added to it that keeps a run from writing every row as it is. */
export async function checkTableHazards(target: Session, name: string): Promise<Check[]> {
  const hazards = await readTableHazards(target, name)
  return hazards ? [...hiddenRows(hazards), ...changedRows(hazards), ...rewritten(hazards)] : []
}

/** The columns of the table that the rows of Chatwoot cannot fill, or may not. */
export async function checkFilledColumns(target: Session, name: string): Promise<Check[]> {
  const table = await describeRelation(target, name)
  const hazards = await readTableHazards(target, name)
  return table && hazards
    ? compareFilled(table, hazards, { columns: rowColumns, key: 'conversation_id' })
    : []
}

/** What a relation brings along. */
export interface Filled {
  readonly columns: readonly string[]
  readonly key: string
}

/** The columns of the table that a relation with these columns cannot fill, or may not. */
export function compareFilled(
  table: Relation,
  { needed }: Pick<TableHazards, 'needed'>,
  { columns, key }: Filled,
): Check[] {
  const computed = computedColumns(table.columns, key).filter(({ name }) => columns.includes(name))
  const lacking = needed.filter((column) => !columns.includes(column))
  return [
    ...(computed.length > 0 ? [computedByTable(table, computed, key)] : []),
    ...(lacking.length > 0 ? [neededByTable(table, lacking)] : []),
  ]
}

function computedByTable(table: Relation, computed: readonly Column[], key: string): Check {
  const names = computed.map(({ name }) => name)
  const what = `The table ${table.name} computes ${names.join(', ')} itself`
  const remedy = writableRemedy(table, computed)
  return names.includes(key)
    ? critical('target-generated', `${what}, so that no run can write it.`, remedy)
    : warning(
        'target-generated',
        `${what}, so that it is not loaded, and may differ from the source.`,
        remedy,
      )
}

function neededByTable({ schema, name }: Relation, lacking: readonly string[]): Check {
  const changes = lacking.map((column) => `alter column ${identifier(column)} drop not null`).join(', ')
  return critical(
    'target-required',
    `The table ${name} rejects every new row: ${lacking.join(', ')} may not be NULL, and no run fills it.`,
    `Have its owner run: alter table ${identifier(schema, name)} ${changes}; or give it a default.`,
  )
}

function hiddenRows({ role, table, rowSecurity }: TableHazards): Check[] {
  if (rowSecurity === 'off' || rowSecurity === 'open') return []
  const what = rowSecurity === 'closed' ? 'keeps' : 'may keep'
  return [
    critical(
      'target-row-security',
      `Row security ${what} the role ${role} from seeing and writing rows of ${table}.`,
      `Have a superuser run: alter role ${role} bypassrls; or have its owner run: create policy chatwoot_sync on ${table} to ${role} using (true) with check (true);`,
    ),
  ]
}

function changedRows({ table, triggers }: TableHazards): Check[] {
  if (triggers.length === 0) return []
  return [
    warning(
      'target-triggers',
      `${table} has triggers that run before a row is written, and can change or drop it: ${triggers.join('; ')}.`,
      'A row that they change differs from the source: each full run writes it again, and verify reports it. Have the owner drop those that change or drop rows.',
    ),
  ]
}

function rewritten({ table, rules }: TableHazards): Check[] {
  if (rules.length === 0) return []
  const drops = rules.map((rule) => `drop rule ${identifier(rule)} on ${table};`).join(' ')
  return [
    critical(
      'target-rules',
      `${table} has rewrite rules, with which rows cannot be inserted or updated by key: ${rules.join(', ')}.`,
      `Have its owner run: ${drops}`,
    ),
  ]
}
