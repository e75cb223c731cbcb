// Runs in the page: texts whose contrast is below 4.5, or 3 where they are large, and controls without a name.
;(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = color
    canvas.fillRect(0, 0, 1, 1)
    return [...canvas.getImageData(0, 0, 1, 1).data]
  }
  const luminance = (color) => {
    const [red, green, blue] = color.map((part) => {
      const share = part / 255
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const behind = (element) => {
    const color = rgba(getComputedStyle(element).backgroundColor)
    return color[3] === 255 || !element.parentElement ? color : behind(element.parentElement)
  }
  const isText = (node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim() !== ''
  const texts = [...document.querySelectorAll('body *')].filter(
    (element) =>
      element.checkVisibility() &&
      !element.closest('.unseen, .skip, :disabled, script, noscript') &&
      [...element.childNodes].some(isText),
  )
  const faint = texts.flatMap((element) => {
    const { color, fontSize, fontWeight } = getComputedStyle(element)
    const [dark, light] = [luminance(rgba(color)), luminance(behind(element))].sort((a, b) => a - b)
    const ratio = (light + 0.05) / (dark + 0.05)
    const size = parseFloat(fontSize)
    const isLarge = size >= 24 || (size >= 18.66 && Number(fontWeight) >= 700)
    return ratio < (isLarge ? 3 : 4.5)
      ? [`${element.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`]
      : []
  })
  const nameOf = (control) =>
    control.getAttribute('aria-label') ??
    [...(control.labels?.length ? control.labels : [control])].map((label) => label.textContent).join()
  const nameless = [...document.querySelectorAll('button, input, a, summary, progress, [role=img]')]
    .filter((control) => control.checkVisibility() && nameOf(control).trim() === '')
    .map((control) => `without a name: ${control.outerHTML.slice(0, 80)}`)
  return texts.length > 20 ? [...faint, ...nameless] : ['There is hardly any text.']
})()
