/** What to do by Node's code of a failed TLS handshake. */
const tlsRemedies: readonly (readonly [RegExp, string])[] = [
  [/^CERT_HAS_EXPIRED$/, 'Renew the certificate of the server.'],
  [/^CERT_NOT_YET_VALID$/, 'Compare the clocks of both machines.'],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, 'Connect by a name that is in the certificate of the server.'],
  [
    /^(SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|INVALID_CA|CERT_SIGNATURE|CERT_UNTRUSTED)/,
    'Pass the CA that signed its certificate: sslrootcert in the URL, or ssl.ca in a configuration of pg.',
  ],
  [
    /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE|DECRYPT)/,
    'Use a client certificate that the server trusts.',
  ],
  [/^(CERT_|CRL_|ERR_TLS_|ERR_SSL_|ERR_OSSL_)/, 'Check certificates and TLS settings of both sides.'],
]

/** What to do about an error of the TLS handshake; undefined for any other error. `mode` is the sslmode of the connection string. */
export function tlsRemedy(error: unknown, mode: string | undefined): string | undefined {
  const remedy = handshakeRemedy(error)
  // pg tries no other way when TLS fails, as libpq would with these.
  if (remedy === undefined || mode === undefined || !['allow', 'prefer'].includes(mode)) return remedy
  return `sslmode=${mode} means verify-full here. Write sslmode=disable for a connection without TLS, or: ${remedy}`
}

function handshakeRemedy(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  // By its message, as pg sets no code.
  if (error.message === 'The server does not support SSL connections') {
    return 'Turn TLS on at the server; only where nobody can listen in, connect with sslmode=disable.'
  }
  const code: unknown = Reflect.get(error, 'code')
  return typeof code === 'string' ? tlsRemedies.find(([pattern]) => pattern.test(code))?.[1] : undefined
}
