import { parseArgs } from 'node:util'

export interface Arguments {
  /** Rows of the wide table; everything else scales with it. */
  readonly rows: number
  /** Timed rounds of each case. */
  readonly repeat: number
  /** Names of groups of cases; all without. */
  readonly only: readonly string[] | undefined
  /** Where the JSON goes: a file, or `-` for stdout in place of the tables. */
  readonly json: string | undefined
  /** Two million conversations instead of the other cases. */
  readonly large: boolean
  /** Other tools beside this package, in place of the groups. */
  readonly peers: boolean
  /** Where the other tools are installed. */
  readonly prefix: string | undefined
  readonly list: boolean
  readonly help: boolean
}

export const usage = `npm run bench -- [--rows N] [--repeat N] [--only name,name] [--json [file]] [--large] [--list]
npm run bench -- --peers [--prefix folder] [--rows N] [--repeat N] [--only name,name] [--json [file]]

Measures this package beside the fastest and the usual ways to do the same, on two servers of its own.
Exit code 1 when a target was not equal to its source, so that a time would not count; a missed bar is no failure.

  --rows N         rows of the wide table (default 100000); the sources of Chatwoot have a fifth of it and twice as many
                   conversations, the narrow table ten times as many rows
  --repeat N       timed rounds of each case (default 5)
  --only name,..   only these groups of cases
  --large          two million conversations with twenty million messages instead of the other cases: 30 GB, and half an hour
  --json [file]    the figures as JSON, into a file or in place of the tables
  --list           the groups and their cases
  --peers          other tools that do the same, installed from PyPI, and what PostgreSQL has for it; --only takes their names
  --prefix folder  where to install them, and to find them the next time (default: a temporary folder)`

/** Throws for arguments that cannot work. */
export function readArguments(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: withDefaultFile(args),
    options: {
      rows: { type: 'string', default: '100000' },
      repeat: { type: 'string', default: '5' },
      only: { type: 'string' },
      json: { type: 'string' },
      large: { type: 'boolean', default: false },
      peers: { type: 'boolean', default: false },
      prefix: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const { only, json, large, peers, prefix, list, help } = values
  return {
    rows: count('rows', values.rows, 100),
    repeat: count('repeat', values.repeat, 1),
    only: only?.split(','),
    json,
    large,
    peers,
    prefix,
    list,
    help,
  }
}

/** parseArgs knows no option whose value may be left out. */
function withDefaultFile(args: readonly string[]): string[] {
  return args.flatMap((arg, index) => {
    const next = args[index + 1]
    return arg === '--json' && (next === undefined || next.startsWith('--')) ? ['--json=-'] : [arg]
  })
}

function count(option: string, text: string, least: number): number {
  const number = Number(text)
  if (Number.isInteger(number) && number >= least) return number
  throw new Error(`--${option} is ${text}, which is no integer from ${least} on.\n\n${usage}`)
}
