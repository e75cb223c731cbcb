import type { Relation } from '../../postgres/driver/catalog.js'

/** Types by `relation.column`: what a statement was built for. */
export type Shape = ReadonlyMap<string, string>

export function shapeOf({ name, columns }: Relation): Map<string, string> {
  return new Map(columns.map((column) => [`${name}.${column.name}`, column.type]))
}

/** What became of the columns, in words. */
export function changesBetween(before: Shape, after: Shape): string[] {
  const changed = [...before].flatMap(([name, type]) => {
    const now = after.get(name)
    if (now === undefined) return [`${name} is gone`]
    return now === type ? [] : [`${name} was ${type} and is ${now}`]
  })
  const added = [...after.keys()].filter((name) => !before.has(name)).map((name) => `${name} is new`)
  return [...changed, ...added]
}
