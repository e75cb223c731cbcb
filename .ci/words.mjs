// Fails where the code says something in private words where plainer ones exist, and names the word to use.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Each with what is said instead. Public names that hold such a word are allowed. */
const given = [
  [/\boutlook\b/i, 'snapshot, low watermark'],
  [/\bnewCourse\b|\bCourse\b|isWorthRetrying/, 'attempts, shouldRetry'],
  [/\bclaimRun\b/, 'lockRun'],
  [/\bInheritance\b|\binherited\b/i, 'previousRuns'],
  [/\bportions?\b|\btuples?\b/i, 'batch, chunk'],
  [/\b(marked|mark|marks) (as )?(gone|deleted)\b|mark(Gone|Deleted)\b/i, 'soft-deleted'],
  [/\bprogressOf\b/, 'toRunRow'],
  [/\brefus(e|es|ed|ing|als?)\b/i, 'reject, row error'],
  [/rehears/i, 'dryRun'],
  [/\bsilence\b|\bpatience\b/i, 'responseTimeout'],
  [/\brenewable\b/i, 'reconnecting session'],
  [/tellPeople|tells? people|people (were|was) told/i, 'sendAlerts, alert sent'],
  [/\bgood run\b/i, 'successful run'],
  [/\bmend(s|ed|ing)?\b/i, 'fix, repair'],
  [/\bat work\b/i, 'running'],
  [/why this way|to go on from/i, 'full load: no previous successful run'],
  [/\bleft: \d|are left\. /i, '4 differences remain'],
  [/\bgives\b/i, 'returns'],
  [/\bcomplaints?\b|\bcomplain\b/i, 'error, problem'],
  [/\btells\b|\btold\b/i, 'shows, says'],
  [/\b(the|whose) begin\b/i, 'the start'],
]

/** Names in public reports and details, and the field's own use of a word. */
const allowed = [/\brefusal\b/, /'silence'|silence: milliseconds/, /details: \{ complaints/]

const files = execFileSync('git', ['ls-files', 'lib', 'bin'], { encoding: 'utf8' })
  .split('\n')
  .filter((path) => /\.(ts|js|html)$/.test(path))

let found = 0
for (const path of files) {
  for (const [index, line] of readFileSync(path, 'utf8').split('\n').entries()) {
    if (allowed.some((pattern) => pattern.test(line))) continue
    for (const [pattern, instead] of given) {
      const [word] = pattern.exec(line) ?? []
      if (word === undefined) continue
      found += 1
      console.error(`${path}:${index + 1}: "${word}"; say: ${instead}`)
    }
  }
}
if (found > 0) process.exitCode = 1
