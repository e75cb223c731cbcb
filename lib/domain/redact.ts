const mark = '[redacted]'

/**
 * The text without secrets and personal data, each replaced by `[redacted]`: for a finished log line, and for a message
 * before it is stored in `etl_control`.
 *
 * Hidden: user and password in a URL, the value of `password=`, `"token": "..."` and the like, the last field of a pgpass
 * line, Slack webhook addresses, Slack and bearer tokens, e-mail addresses, phone numbers that begin with `+`, and each of
 * `secrets` wherever it occurs, also percent-encoded or escaped for JSON, SQL or a connection string. Secrets under four
 * characters are hidden only in the places named above: anywhere else they would blot out ordinary words.
 *
 * In doubt it hides too much rather than too little. The time is linear in the length of the text, whatever it holds.
 */
export function redact(text: string, secrets: readonly string[] = []): string {
  return createRedactor(secrets)(text)
}

/** `redact` with the secrets prepared once, for a caller that has many lines. */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const known = knownSecrets(secrets)
  return (text) => {
    let rest = known ? text.replaceAll(known, mark) : text
    rest = hide(rest, /:(?:\\?\/){2}/g, userInfo)
    rest = hide(rest, assignment, assignedValue)
    rest = hide(rest, /:(?:\d{1,5}|\*):[^\s:"'\\]{1,64}:[^\s:"'\\]{1,64}:/g, pgpassPassword)
    rest = hide(rest, /hooks\.slack(?:-gov)?\.com\\?\//gi, restOfRun)
    rest = rest.replaceAll(/xox[a-z]-[\w-]+/gi, mark)
    rest = rest.replaceAll(/(bearer\s{1,8})[\w.~+/=-]{8,}/gi, `$1${mark}`)
    rest = hide(rest, /@|%40/g, emailAddress)
    return rest.replaceAll(phoneNumber, mark)
  }
}

/** The words before a secret. Without an equals sign only a quoted value counts: `password: see below` is prose. */
const assignment =
  /(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|authorization)(?:\\{0,8}["'])?(?:\s{0,8}([=:])\s{0,8}|\s{1,8}(?='))/gi

/** `+` and eight to fifteen digits, grouped or not. A digit before it makes it a time zone or a sum. */
const phoneNumber = /(?<!\d)(?:\+|%2B)[1-9](?:[ .()-]{0,2}\d){7,14}(?!\d)/gi

const emailDomain = /(?:[\p{L}\p{N}][\p{L}\p{N}-]{0,62}\.){1,10}\p{L}[\p{L}\p{N}-]{1,62}/uy

function knownSecrets(secrets: readonly string[]): RegExp | undefined {
  const forms = secrets.filter((secret) => secret.length >= 4).flatMap(formsOf)
  if (forms.length === 0) return undefined
  const longestFirst = [...new Set(forms)].sort((a, b) => b.length - a.length)
  return new RegExp(
    longestFirst.map((form) => form.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'),
    'g',
  )
}

/** The ways in which one secret is commonly written down. */
function formsOf(secret: string): string[] {
  const conninfo = secret.replaceAll(/['\\]/g, '\\$&')
  const quoted = [secret, conninfo, secret.replaceAll("'", "''")]
  const json = quoted.map(escapeJson)
  return [...quoted, ...json, ...json.map(escapeJson), ...percentEncoded(secret)]
}

function escapeJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

function percentEncoded(secret: string): string[] {
  const userInfoOnly = new URL('postgres://host')
  userInfoOnly.password = secret
  const whole = encodeURIComponent(secret.replaceAll(/\p{Surrogate}/gu, '\uFFFD'))
  const strict = whole.replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
  const upper = [
    whole,
    strict,
    whole.replaceAll('%20', '+'),
    strict.replaceAll('%20', '+'),
    userInfoOnly.password,
  ]
  return [...upper, ...upper.map((form) => form.replaceAll(/%[\dA-F]{2}/g, (code) => code.toLowerCase()))]
}

/** From where to where to hide; an empty span says that nothing up to there needs another look. */
type Span = readonly [from: number, to: number]

function hide(text: string, opener: RegExp, find: (text: string, opened: RegExpExecArray) => Span): string {
  let kept = ''
  let done = 0
  let seen = 0
  for (const opened of text.matchAll(opener)) {
    if (opened.index < seen) continue
    const [from, to] = find(text, opened)
    seen = to
    if (from >= to) continue
    kept += text.slice(done, Math.max(done, from)) + mark
    done = to
  }
  return kept + text.slice(done)
}

function userInfo(text: string, opened: RegExpExecArray): Span {
  const from = opened.index + opened[0].length
  const end = endOfRun(text, from)
  // The last @, because people forget to encode the one in their password.
  const at = text.slice(from, end).lastIndexOf('@')
  return at > 0 ? [from, from + at] : [end, end]
}

function assignedValue(text: string, opened: RegExpExecArray): Span {
  const from = opened.index + opened[0].length
  const quote = /\\{0,8}["']/y
  quote.lastIndex = from
  const opening = quote.exec(text)?.[0]
  if (opening) return [from + opening.length, endOfQuoted(text, from, opening)]
  return [from, opened[1] === '=' ? endOfRun(text, from) : from]
}

function pgpassPassword(text: string, opened: RegExpExecArray): Span {
  const end = endOfRun(text, opened.index)
  const isAddress = /^[\da-f:.]*$/i.test(text.slice(opened.index, end))
  return isAddress ? [end, end] : [opened.index + opened[0].length, end]
}

function restOfRun(text: string, opened: RegExpExecArray): Span {
  const from = opened.index + opened[0].length
  return [from, endOfRun(text, from)]
}

function emailAddress(text: string, opened: RegExpExecArray): Span {
  const domainStart = opened.index + opened[0].length
  emailDomain.lastIndex = domainStart
  const domain = emailDomain.exec(text)
  const from = startOfMailbox(text, opened.index)
  return domain && from < opened.index ? [from, domainStart + domain[0].length] : [domainStart, domainStart]
}

function startOfMailbox(text: string, end: number): number {
  let start = end
  while (start > 0 && end - start < 64 && /[\p{L}\p{N}\p{M}._+%-]/u.test(text.charAt(start - 1))) start -= 1
  // The letter after a lone backslash is part of an escape such as \n or \u0001, not of the name.
  if (backslashesBefore(text, start) % 2 === 0) return start
  return Math.min(end, start + (text.charAt(start) === 'u' ? 5 : 1))
}

/** The end of a word that may hold anything but white space and quotes, whether the text is raw or inside JSON. */
function endOfRun(text: string, from: number): number {
  let end = from
  while (end < text.length && !/[\s"]/.test(text.charAt(end))) {
    if (text.charAt(end) !== '\\') end += 1
    else if (/[^\snrtu"]/.test(text.charAt(end + 1))) end += 2
    else break
  }
  return end
}

/** The closing quote of the same depth of escaping as the opening one, or the end of the text. */
function endOfQuoted(text: string, from: number, opening: string): number {
  const depth = opening.length - 1
  const quote = opening.slice(-1)
  for (let end = text.indexOf(quote, from + opening.length); end >= 0; end = text.indexOf(quote, end + 1)) {
    const backslashes = backslashesBefore(text, end)
    if (quote === '"' && backslashes % (2 * (depth + 1)) === depth) return end - depth
    if (quote === "'" && backslashes <= depth && text.charAt(end + 1) !== quote) return end - backslashes
    if (quote === "'" && text.charAt(end + 1) === quote) end += 1
  }
  return text.length
}

function backslashesBefore(text: string, end: number): number {
  let start = end
  while (text.charAt(start - 1) === '\\') start -= 1
  return end - start
}
