import { countText, durationText } from '../../lib/domain/quantity-text.js'
import type { ExportReport } from '../../lib/index.js'
import { wrap } from './wrap.js'

/** What was exported, in lines of at most `width` characters where words allow. */
export function exportSummary(report: ExportReport, width: number): string {
  const { rows, columns, bytes, file, asOf, durationSeconds, includeDeleted, rowsOutOfRange } = report
  const paragraphs = [
    `${countText(rows)} rows with ${columns} columns in ${file}, ${sizeText(bytes)}, in ${durationText(durationSeconds)}.`,
    `The table as of ${asOf}, ${includeDeleted ? 'with' : 'without'} soft-deleted rows.`,
    ...(rowsOutOfRange === 0
      ? []
      : [
          `${countText(rowsOutOfRange)} rows have values that Parquet cannot hold; they are in the column values_out_of_range.`,
        ]),
  ]
  return paragraphs.map((text) => `${wrap(text, width - 2, 2)}\n`).join('')
}

function sizeText(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
}
