/** What to do by Node's code of a failed TLS handshake. */
const remedies: readonly (readonly [RegExp, string])[] = [
  [/^CERT_HAS_EXPIRED$/, 'Renew the certificate of the server.'],
  [/^CERT_NOT_YET_VALID$/, 'Compare the clocks of both machines.'],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, 'Connect by a name that stands in the certificate of the server.'],
  [
    /^(SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|INVALID_CA|CERT_SIGNATURE|CERT_UNTRUSTED)/,
    'Give the CA that signed its certificate: sslrootcert in the URL, or ssl.ca in a configuration of pg.',
  ],
  [
    /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE|DECRYPT)/,
    'Give a client certificate that the server trusts.',
  ],
  [/^(CERT_|CRL_|ERR_TLS_|ERR_SSL_|ERR_OSSL_)/, 'Check certificates and TLS settings of both sides.'],
]

/** What to do about an error of the TLS handshake; undefined for any other error. */
export function tlsRemedy(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  // By its message, as pg gives it no code.
  if (error.message === 'The server does not support SSL connections') {
    return 'Turn TLS on at the server; only where nobody can listen in, connect with sslmode=disable.'
  }
  const code: unknown = Reflect.get(error, 'code')
  return typeof code === 'string' ? remedies.find(([pattern]) => pattern.test(code))?.[1] : undefined
}
