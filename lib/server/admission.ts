import type { IncomingMessage } from 'node:http'

import { problem } from './problem.js'

type Fetch = (request: Request) => Promise<Response>
type NodeFetch = (
  request: Request,
  from: { readonly incoming: Pick<IncomingMessage, 'rawHeaders' | 'httpVersion'> },
) => Promise<Response>

/** Requests that are answered at a time: each waits for the one connection to the target. */
const maxPending = 500

/** Connections at a time, so that the process keeps files for its own connections. */
export const maxConnections = 1000

const loopback = /^(localhost|127(\.\d{1,3}){3}|::1)$/i

/** Whether an address or a name leads to this machine and to no other. */
export const isLoopback = (host: string): boolean => loopback.test(host)

/**
 * Lets a request through to `fetch` unless it is one too many or may come from a stranger: with two hosts, and without a token
 * through a proxy or by another name than this machine's.
 */
export function admit(fetch: Fetch, { hasToken }: { readonly hasToken: boolean }): NodeFetch {
  let pending = 0
  return async (request, { incoming }) => {
    if (namesOf(incoming).filter((name) => name === 'host').length > 1) {
      return problem('BAD_REQUEST', 'The request names more than one host.')
    }
    const rejected = hasToken ? undefined : rejectStranger(request, incoming)
    if (rejected) return rejected
    if (pending >= maxPending) return problem('BUSY', 'Ask again in a moment.', { 'retry-after': '1' })
    pending += 1
    try {
      return await fetch(request)
    } finally {
      pending -= 1
    }
  }
}

/**
 * Another site can let its own name resolve to 127.0.0.1 (DNS rebinding), and its page then reads what is served there as if it were its
 * own. But the request carries that name. And a proxy on this machine makes everybody look like this machine; most say that they forward, and
 * of those that do not, nginx uses HTTP/1.0, as no client does today.
 */
function rejectStranger(
  request: Request,
  incoming: Parameters<NodeFetch>[1]['incoming'],
): Response | undefined {
  const name = new URL(request.url).hostname.replace(/^\[(.*)\]$/, '$1')
  if (!isLoopback(name))
    return problem('WRONG_HOST', 'Without a token this server answers to localhost only.')
  const isForwarded = namesOf(incoming).some((header) => forwarding.test(header))
  if (!isForwarded && incoming.httpVersion !== '1.0') return undefined
  return problem('FORWARDED', 'Behind a proxy this server requires a token: set CHATWOOT_SYNC_TOKEN.')
}

/** Headers by which proxies say for whom they ask. */
const forwarding =
  /^(forwarded|via|x-forwarded-.+|x-real-ip|x-client-ip|x-original-.+|true-client-ip|cf-connecting-ip|cdn-loop)$/

/** Names of all headers, in lower case, as often as they were sent. */
function namesOf({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())
}
