import { sql } from 'kysely'

import type { CustomRelation } from '../../options.js'
import { identifier } from '../../postgres/driver/identifier.js'
import { describeRelation, describeSource, type Relation } from '../../postgres/driver/catalog.js'
import type { Session } from '../../postgres/driver/session.js'
import { compile } from '../../postgres/driver/statement.js'
import { critical, ok, type Check } from './check.js'
import { compareColumns } from './relation-columns.js'

/** Whether a relation of the caller's own can be read and has the shape that its options claim; its keys are counted. */
export async function checkOwnRelation(
  source: Session,
  target: Session,
  { name, key, changedAt }: CustomRelation,
  table: string,
): Promise<readonly Check[]> {
  const relation = await describeSource(source, name)
  const columns = new Set(relation.columns.map((column) => column.name))
  if (relation.forbidden.length > 0) return [await mayNotRead(source, relation)]
  const absent = [key, changedAt].filter((column) => !columns.has(column))
  if (absent.length > 0) {
    const message = `The relation ${name} has no column ${absent.join(' and no column ')}.`
    return [critical('relation', message, `It has: ${[...columns].join(', ')}.`)]
  }
  return [
    ok('relation', `The relation ${name} has the columns ${key} and ${changedAt}.`),
    ...(await checkKeys(source, relation, key)),
    ...compareColumns(relation, await describeRelation(target, table), changedAt),
  ]
}

async function mayNotRead(source: Session, { schema, name, forbidden }: Relation): Promise<Check> {
  const [row] = await source.rows(compile(sql`select current_user::text`))
  const role = row?.[0] ?? ''
  const message = `The role ${role} may not read these columns of ${name}: ${forbidden.join(', ')}.`
  const grant = `grant select on ${identifier(schema, name)} to ${identifier(role)};`
  return critical('relation', message, `Let its owner run: ${grant}`)
}

async function checkKeys(
  source: Session,
  { schema, name, ...relation }: Relation,
  key: string,
): Promise<Check[]> {
  const [row] = await source.rows(
    compile(sql`
      select
        coalesce(sum(rows) filter (where key is null), 0)::text,
        count(*) filter (where key is not null and rows > 1)::text,
        coalesce(sum(rows), 0)::text
      from (
        select r.${sql.id(key)} as key, count(*) as rows
        from ${sql.id(schema, name)} r
        group by r.${sql.id(key)}
      ) keys`),
  )
  const [without = '0', double = '0', all = '0'] = row ?? []
  const found: Check[] = []
  if (without !== '0') {
    const message = `${without ?? ''} rows of ${name} have no ${key}.`
    found.push(
      critical(
        'relation-key',
        message,
        `Leave them out of the relation: where ${identifier(key)} is not null;`,
      ),
    )
  }
  if (double !== '0') {
    const message = `${double ?? ''} values of ${key} come in several rows of ${name}.`
    found.push(
      critical(
        'relation-key',
        message,
        'Use a key that is unique, or make one row of them, as by distinct on.',
      ),
    )
  }
  if (found.length > 0) return found
  const index = relation.uniqueColumns.includes(key) ? ', and an index keeps it so' : ''
  return [ok('relation-key', `Each of the ${all ?? ''} rows has a ${key} of its own${index}.`)]
}
