import { english } from './words-en.js'
import { portuguese } from './words-pt.js'

const wanted = navigator.languages.map((name) => name.slice(0, 2).toLowerCase())

/** The first language of the browser in which the page exists, else English. */
export const language = wanted.find((name) => name === 'en' || name === 'pt') ?? 'en'

export const word = language === 'pt' ? portuguese : english

const rules = new Intl.PluralRules(language === 'pt' ? 'pt-BR' : 'en')

/** Picks by number: `plural(3, ['row', 'rows'])`. */
export const plural = (number, [one, other]) => (rules.select(number) === 'one' ? one : other)
