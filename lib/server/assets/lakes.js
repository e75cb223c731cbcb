import { h } from './dom.js'
import { count, shortCount } from './format.js'
import { ago } from './hero.js'
import { plural, word } from './words.js'

/** Each lake of the pipeline: its version, how old it is, and what it holds. */
export function drawLakes({ lakes }) {
  return [
    h('div', { class: 'bar' }, h('h2', {}, word.lakes)),
    h('div', { class: 'pair' }, lakes.map(drawLake)),
  ]
}

function drawLake({ lake, version, equalAt, rows, bytes, months, monthsPending, errorCode, errorMessage }) {
  const facts = { rows, months, bytes, pending: monthsPending }
  return h(
    'article',
    { class: 'card' },
    h('h3', {}, h('code', {}, lake)),
    h(
      'p',
      { class: `finding ${errorCode === null ? 'ok' : 'warning'}` },
      version === null ? word.lakeEmpty : word.lakeVersion(count(version)),
      errorCode !== null && h('small', {}, word.errors[errorCode] ?? errorCode),
    ),
    equalAt !== null && h('p', { class: 'quiet' }, word.lakeEqual, ' ', ago(equalAt)),
    errorMessage !== null && h('p', {}, errorMessage),
    h(
      'dl',
      { class: 'counts' },
      Object.entries(facts)
        .filter(([name, value]) => value !== null && !(name === 'pending' && value === 0))
        .map(([name, value]) => drawFact(name, value)),
    ),
  )
}

function drawFact(name, value) {
  const text = name === 'bytes' ? `${shortCount(value)}B` : count(value)
  return h('div', {}, h('dt', {}, plural(value, word.lakeFacts[name])), h('dd', {}, text))
}
