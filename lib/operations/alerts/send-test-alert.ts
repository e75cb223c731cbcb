import { randomUUID } from 'node:crypto'

import { defaults } from '../../options.js'
import type { AlertMessage } from './alert-message.js'
import { titleOf, wordsOf } from './alert-text.js'
import { openChannels } from './channels.js'
import { deliver, type Delivery } from './deliver.js'
import { utcNow } from './incident-file.js'
import type { AlertOptions } from './send-alerts.js'

/** Sends a test message to each channel, and returns whether each accepted it; connects to no database. Throws CONFIG_INVALID, CONFIG_MISSING. */
export async function sendTestAlert(
  options: Pick<AlertOptions, 'channels' | 'pipeline' | 'language' | 'retryDelay' | 'signal'>,
): Promise<readonly Delivery[]> {
  const { pipeline = defaults.pipeline, language = 'en', retryDelay = 1000, signal } = options
  const channels = await openChannels(options.channels)
  const words = wordsOf(language)
  const message: AlertMessage = {
    ...{ event: 'test', kind: 'test', severity: 'warning', pipeline, alertId: randomUUID() },
    title: titleOf(pipeline, words.opened.test),
    text: words.test,
    openedAt: utcNow(),
    closedAt: null,
  }
  return Promise.all(channels.map((channel) => deliver(channel, message, { retryDelay, signal })))
}
