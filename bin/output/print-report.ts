import { textWidth } from './wrap.js'

/**
 * Prints a report on stdout: as one JSON object in one line with `json`, not at all with `quiet`, else as the text that `summary` writes for
 * the width of the terminal.
 */
export function printReport<Report>(
  report: Report,
  { json, quiet }: { readonly json?: true; readonly quiet?: true },
  summary: (report: Report, width: number) => string,
): void {
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`)
  else if (!quiet) process.stdout.write(summary(report, textWidth(process.stdout)))
}
