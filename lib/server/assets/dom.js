/** Makes an element: `h('p', { class: 'x', onclick }, 'text', child)`. Texts are texts, never HTML. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else if (name === 'style')
      for (const [rule, set] of Object.entries(value)) element.style.setProperty(rule, set)
    else element.setAttribute(name, value === true ? '' : String(value))
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  )
  return element
}

export const byId = (id) => document.getElementById(id)

const shown = new WeakMap()

/**
 * Puts new content into a section when what it shows has changed, so that nobody loses the place where they read. The element that had
 * the focus gets it back, by its `data-key`.
 */
export function show(section, facts, draw) {
  const text = JSON.stringify(facts)
  section.hidden = false
  if (shown.get(section) === text) return
  shown.set(section, text)
  const key = section.contains(document.activeElement) && document.activeElement.dataset.key
  section.replaceChildren(...[draw()].flat())
  if (key) section.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus()
}

/** Takes the content away. */
export function hide(section) {
  shown.delete(section)
  section.hidden = true
  section.replaceChildren()
}

/** Tells it to those who do not see the page. */
export function say(text) {
  byId('said').textContent = text
}
