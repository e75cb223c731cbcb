/** For clients that ask for TLS by default, which a server on this machine does not have. */
export function plain(url: string): string {
  const given = new URL(url)
  given.searchParams.set('sslmode', 'disable')
  return given.href
}

/** With the driver that SQLAlchemy is to use. */
export const withDriver = (url: string, driver: string): string =>
  url.replace(/^postgresql:/, `postgresql+${driver}:`)
