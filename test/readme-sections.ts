import { readFileSync } from 'node:fs'

const text = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

/** What stands below a heading, up to the next one of any level. Throws when there is no such heading. */
export function section(heading: string): string {
  const [, after] = text.split(new RegExp(`^#+ ${heading}\\n`, 'm'))
  if (after === undefined) throw new Error(`README.md has no heading "${heading}".`)
  return after.split(/^#+ /m)[0] ?? ''
}

/** The fenced blocks of a language; of the whole file unless a heading is given. */
export function blocks(language: string, heading?: string): string[] {
  const within = heading === undefined ? text : section(heading)
  return [...within.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].flatMap(([, name, body = '']) =>
    name === language ? [body] : [],
  )
}

/** The cells of the table whose head begins with this cell, without backticks around a whole cell. */
export function table(firstHead: string): string[][] {
  const lines = text.split('\n')
  const head = lines.findIndex((line) => line.startsWith(`| ${firstHead} |`))
  if (head < 0) throw new Error(`README.md has no table that begins with "${firstHead}".`)
  const rest = lines.slice(head + 2)
  const end = rest.findIndex((line) => !line.startsWith('|'))
  return rest.slice(0, end).map((line) =>
    line
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim()),
  )
}

/** The names in backticks of a cell. */
export const names = (cell = ''): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)

/** Links to files of the repository and to headings of this file. */
export function links(): { files: string[]; headings: string[] } {
  const targets = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target)
  return {
    files: targets.filter((target) => !target.startsWith('#') && !target.includes('://')),
    headings: targets.filter((target) => target.startsWith('#')).map((target) => target.slice(1)),
  }
}

export const headings = (): string[] => [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading)
