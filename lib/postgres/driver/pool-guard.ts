import type pg from 'pg'

import { whileGuarded, type Trust } from './wire-guard.js'

/** Lets a pool connect as `connectGuarded` does, from now on. A pool without clients of pg is left as it is. */
export function guardPool(pool: pg.Pool, trust: Trust): void {
  const Client: unknown = Reflect.get(pool, 'Client')
  if (typeof Client !== 'function' || guardedPools.has(pool)) return
  guardedPools.add(pool)
  const create = (...given: unknown[]): unknown => {
    const client: unknown = Reflect.construct(Client, given)
    const connect: unknown = Reflect.get(Object(client), 'connect')
    if (typeof connect !== 'function') return client
    const guarded = (...more: unknown[]): unknown =>
      whileGuarded(client as pg.ClientBase, trust, (): unknown => Reflect.apply(connect, client, more))
    Reflect.set(Object(client), 'connect', guarded)
    return client
  }
  // An arrow function cannot be called with `new`.
  Reflect.set(pool, 'Client', function (...given: unknown[]) {
    return create(...given)
  })
}

const guardedPools = new WeakSet<pg.Pool>()
