import { SyncError } from '../../domain/errors.js'
import type { Channel } from './alert-message.js'
import { mailChannel, type MailSettings } from './mail.js'
import { slackChannel, webhookChannel } from './webhooks.js'

/** Where to send alerts; at least one. */
export interface AlertChannels {
  /** URL of an incoming webhook of Slack, Mattermost, Rocket.Chat or anything else that accepts `{ "text": "..." }`. */
  readonly slack?: string | undefined
  /** URL to which each message is sent by POST as JSON, see `AlertMessage`. */
  readonly webhook?: string | undefined
  /** By SMTP; needs the package nodemailer. */
  readonly mail?: MailSettings | undefined
}

/**
 * Throws CONFIG_INVALID for a text that is not a URL, CONFIG_MISSING without any channel or, for mail, without nodemailer. Messages do not
 * hold the values, which are secrets.
 */
export async function openChannels({ slack, webhook, mail }: AlertChannels): Promise<readonly Channel[]> {
  const channels = [
    ...(slack === undefined ? [] : [slackChannel(checkedUrl('slack', slack, ['http:', 'https:']))]),
    ...(webhook === undefined ? [] : [webhookChannel(checkedUrl('webhook', webhook, ['http:', 'https:']))]),
  ]
  if (mail !== undefined) {
    const smtp = checkedUrl('mail.smtp', mail.smtp, ['smtp:', 'smtps:'])
    if (mail.to.length === 0) throw missing('mail.to has no address.')
    channels.push(await mailChannel({ ...mail, smtp }))
  }
  if (channels.length === 0) throw missing('There is no channel for alerts.')
  return channels
}

function checkedUrl(name: string, text: string, protocols: readonly string[]): string {
  if (URL.canParse(text) && protocols.includes(new URL(text).protocol)) return text
  throw new SyncError('CONFIG_INVALID', `channels.${name} is not a URL of ${protocols.join(' or ')}`, {
    remedy: 'Correct it; percent-encode special characters of a password.',
  })
}

function missing(message: string): SyncError {
  return new SyncError('CONFIG_MISSING', message, {
    remedy:
      'Set ALERT_SLACK_WEBHOOK_URL, ALERT_WEBHOOK_URL, or ALERT_SMTP_URL with ALERT_MAIL_FROM and ALERT_MAIL_TO; in the library, the option channels.',
  })
}
