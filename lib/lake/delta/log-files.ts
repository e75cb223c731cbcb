/** The folder of the log, below the table. */
export const logFolder = '_delta_log/'

/** The file of a version; digits, so that names order as versions do. */
export const versionFile = (version: number): string =>
  `${logFolder}${String(version).padStart(20, '0')}.json`

/** The version of which a file of the log is the commit; undefined for others. */
export function versionOf(path: string): number | undefined {
  const [, digits] = /^_delta_log\/(\d{20})\.json$/.exec(path) ?? []
  return digits === undefined ? undefined : Number(digits)
}
