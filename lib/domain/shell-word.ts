/** A text as one word of a shell, whatever it holds. */
export const shellQuoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`

/** The same, in quotes only where it has to be. */
export const shellWord = (word: string): string => (/^\w+$/.test(word) ? word : shellQuoted(word))
