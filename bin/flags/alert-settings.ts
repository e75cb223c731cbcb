import { SyncError } from '../../lib/domain/errors.js'
import type { AlertChannels, Language } from '../../lib/index.js'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Where alerts are sent: ALERT_SLACK_WEBHOOK_URL, ALERT_WEBHOOK_URL, and ALERT_SMTP_URL with ALERT_MAIL_FROM and ALERT_MAIL_TO (addresses
 * separated by commas). Undefined when none is set. Throws CONFIG_MISSING for incomplete mail settings.
 */
export function alertChannelsOf(environment: Environment): AlertChannels | undefined {
  const { slack, webhook, ...mail } = settingsOf(environment)
  const { smtp, from, to } = mail
  if (smtp !== undefined && from !== undefined && to !== undefined) {
    return { slack, webhook, mail: { smtp, from, to: to.split(',').map((address) => address.trim()) } }
  }
  if (smtp !== undefined || from !== undefined || to !== undefined) throw mailIncomplete(mail)
  return slack === undefined && webhook === undefined ? undefined : { slack, webhook }
}

/** Whether any setting of a channel is there, complete or not. */
export function isAlertConfigured(environment: Environment): boolean {
  return Object.values(settingsOf(environment)).some((value) => value !== undefined)
}

const names = {
  slack: 'ALERT_SLACK_WEBHOOK_URL',
  webhook: 'ALERT_WEBHOOK_URL',
  smtp: 'ALERT_SMTP_URL',
  from: 'ALERT_MAIL_FROM',
  to: 'ALERT_MAIL_TO',
} as const

function settingsOf(environment: Environment): Readonly<Record<keyof typeof names, string | undefined>> {
  const of = (name: keyof typeof names) => environment[names[name]]?.trim() || undefined
  return { slack: of('slack'), webhook: of('webhook'), smtp: of('smtp'), from: of('from'), to: of('to') }
}

/** ALERT_LANGUAGE; English when it is not set. Throws CONFIG_INVALID. */
export function alertLanguageOf(environment: Environment): Language {
  const text = environment['ALERT_LANGUAGE']?.trim().toLowerCase().replace('_', '-') ?? ''
  if (text === '' || text === 'en') return 'en'
  if (text === 'pt-br' || text === 'pt') return 'pt-BR'
  throw new SyncError('CONFIG_INVALID', `ALERT_LANGUAGE is ${JSON.stringify(text)}.`, {
    remedy: 'Use en or pt-BR.',
  })
}

function mailIncomplete(mail: Readonly<Record<'smtp' | 'from' | 'to', string | undefined>>): SyncError {
  const missing = (['smtp', 'from', 'to'] as const).flatMap((key) =>
    mail[key] === undefined ? [names[key]] : [],
  )
  return new SyncError('CONFIG_MISSING', `E-mail alerts also need ${missing.join(' and ')}.`, {
    remedy: 'Set all of ALERT_SMTP_URL, ALERT_MAIL_FROM and ALERT_MAIL_TO, or none.',
    details: { missing },
  })
}
