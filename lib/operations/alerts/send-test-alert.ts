import { randomUUID } from 'node:crypto'

import { defaults } from '../../options.js'
import type { AlertMessage } from './alert-message.js'
import { titleOf, wordsOf } from './alert-text.js'
import { openChannels } from './channels.js'
import { deliver } from './deliver.js'
import type { AlertOptions } from './send-alerts.js'
import type { Delivery } from './tell.js'

/** Sends one message to each channel, to see whether it arrives; no database is asked. Throws CONFIG_INVALID, CONFIG_MISSING. */
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
    openedAt: new Date().toISOString().slice(0, 19).replace('T', ' '),
    closedAt: null,
  }
  return Promise.all(
    channels.map(async (channel) => {
      const refusal = await deliver(channel, message, { retryDelay, signal })
      return { channel: channel.name, event: 'test', kind: 'test', title: message.title, refusal } as const
    }),
  )
}
