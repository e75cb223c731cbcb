// Where the system names no country, a browser can name a locale that is none, such as en-US@posix; the charts and the page format by it.
{
  const isLocale = (name) => {
    try {
      return Intl.getCanonicalLocales(name).length === 1
    } catch {
      return false
    }
  }
  if (!isLocale(navigator.language)) {
    Object.defineProperty(navigator, 'language', { value: navigator.languages.find(isLocale) ?? 'en' })
  }
}
