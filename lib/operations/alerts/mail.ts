import { SyncError } from '../../domain/errors.js'
import { DeliveryError, type AlertMessage, type Channel } from './alert-message.js'

export interface MailSettings {
  /** `smtp://user:password@host:587`, which uses STARTTLS where the server offers it, or `smtps://...:465`. */
  readonly smtp: string
  readonly from: string
  readonly to: readonly string[]
}

/** Throws CONFIG_MISSING when the package nodemailer is not installed. */
export async function mailChannel({ smtp, from, to }: MailSettings): Promise<Channel> {
  const { createTransport } = await loadNodemailer()
  const send = async (message: AlertMessage, signal: AbortSignal) => {
    const transport = createTransport({ url: smtp, ...limits })
    const stop = () => transport.close()
    signal.addEventListener('abort', stop, { once: true })
    try {
      const { title: subject, text } = message
      await transport.sendMail({ from, to: [...to], subject, text, headers: headersOf(message) })
    } catch (error) {
      throw deliveryError(error)
    } finally {
      signal.removeEventListener('abort', stop)
      transport.close()
    }
  }
  return { name: 'mail', send }
}

/** Milliseconds; without them nodemailer waits for minutes. */
const limits = { connectionTimeout: 5000, greetingTimeout: 5000, socketTimeout: 10_000 }

async function loadNodemailer() {
  try {
    // Only mail needs it, so it is loaded late and may be absent.
    const { createTransport } = await import('nodemailer')
    return { createTransport }
  } catch (cause) {
    throw new SyncError('CONFIG_MISSING', 'Alerts by mail need the package nodemailer.', {
      remedy: 'Run npm install nodemailer, with -g where chatwoot-sync is installed globally.',
      cause,
    })
  }
}

/** Mail programs show the start and the end of an incident as one thread; out-of-office programs do not reply. */
function headersOf({ alertId }: AlertMessage): Record<string, string> {
  return { 'Auto-Submitted': 'auto-generated', References: `<${alertId}@chatwoot-sync>` }
}

/** Of a server's answer only the code is shown: the rest can name the mailbox. */
function deliveryError(error: unknown): DeliveryError {
  const fact = (name: string): unknown => (error instanceof Error ? Reflect.get(error, name) : undefined)
  const status = Number(fact('responseCode') ?? 0)
  const code = String(fact('code') ?? 'an error')
  const reason = status > 0 ? `it answered with ${status} (${code})` : `it failed with ${code}`
  return new DeliveryError(reason, { isFinal: status >= 500 || code === 'EAUTH' })
}
