/** Creates an element: `h('p', { class: 'x', onclick }, 'text', child)`. A text is never taken for HTML. */
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
 * Draws a section anew only when the facts that it shows have changed, so that readers keep their place. The element that had the focus
 * gets it back, by its `data-key`.
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

/** Hides a section and removes its content. */
export function hide(section) {
  shown.delete(section)
  section.hidden = true
  section.replaceChildren()
}

/** Announces a text to screen readers. */
export function announce(text) {
  byId('announcement').textContent = text
}
