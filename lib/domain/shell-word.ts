/** A word as a shell reads it. */
export const shellWord = (word: string): string =>
  /^\w+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
