import { DeliveryError, type AlertMessage, type Channel } from './alert-message.js'

/** Posts `{ text }` in Slack's markup, which compatible services understand. */
export function slackChannel(url: string): Channel {
  return {
    name: 'slack',
    send: (message, signal) =>
      post(url, { text: `*${escaped(message.title)}*\n${escaped(message.text)}` }, signal),
  }
}

/** Posts the message as JSON. */
export function webhookChannel(url: string): Channel {
  return { name: 'webhook', send: (message, signal) => post(url, message, signal) }
}

/**
 * A text that mentions nobody and is shown as it is. In Slack's markup three characters have a meaning; compatible services also know
 * `@channel` and the links and images of Markdown, which a zero-width space breaks up.
 */
function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/@|\](?=\()/g, '$&\u200b')
    .replaceAll('*', '\u2217')
    .replaceAll('`', "'")
}

async function post(url: string, body: AlertMessage | { text: string }, signal: AbortSignal): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json; charset=utf-8', 'user-agent': 'chatwoot-sync' },
    body: JSON.stringify(body),
    // A redirect would send the message to another server.
    redirect: 'manual',
    signal,
  })
  await response.body?.cancel()
  if (response.ok) return
  const { status } = response
  const isFinal = status < 500 && status !== 408 && status !== 429
  throw new DeliveryError(`it answered with HTTP ${status}`, { isFinal })
}
