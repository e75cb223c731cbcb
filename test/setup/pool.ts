import pg from 'pg'

/**
 * A pool of a test. `end()` resolves before the server has closed its side, and dropping the database then sends an error to a connection that
 * nobody uses any more.
 */
export function openPool(config: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool(config)
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}
