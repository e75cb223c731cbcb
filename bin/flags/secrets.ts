import { decoded, encodedPasswordIn } from '../../lib/postgres/driver/connection-string.js'

type Environment = Readonly<Record<string, string | undefined>>

/** Every secret in the environment, to be hidden wherever it could be printed. A webhook's URL is one: whoever knows it can post there. */
export function secretsOf(environment: Environment): string[] {
  const valueOf = (name: string) => environment[name]?.trim() ?? ''
  const secrets = [
    environment['SOURCE_DB_PASSWORD'] ?? '',
    environment['LOCAL_DB_PASSWORD'] ?? '',
    ...passwordsIn(valueOf('SOURCE_DATABASE_URL')),
    ...passwordsIn(valueOf('LOCAL_DATABASE_URL')),
    hashSecretOf(environment) ?? '',
    valueOf('ALERT_SLACK_WEBHOOK_URL'),
    valueOf('ALERT_WEBHOOK_URL'),
    ...passwordsIn(valueOf('ALERT_SMTP_URL')),
  ]
  return secrets.filter((secret) => secret !== '')
}

/** The key of hashed columns, by CHATWOOT_SYNC_HASH_SECRET; undefined when it is not set. */
export function hashSecretOf(environment: Environment): string | undefined {
  return environment['CHATWOOT_SYNC_HASH_SECRET']?.trim() || undefined
}

/** The password in a URL, encoded as it is there and decoded. */
function passwordsIn(url: string): string[] {
  const password = encodedPasswordIn(url) ?? ''
  return [password, decoded(password)]
}
