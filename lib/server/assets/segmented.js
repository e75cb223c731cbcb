import { h } from './dom.js'

/** Radio buttons that look like one control. */
export function segmented(label, choices, chosen, choose) {
  const group = `choice-${label}`
  return h(
    'fieldset',
    { class: 'segmented' },
    h('legend', { class: 'unseen' }, label),
    Object.entries(choices).map(([value, text]) =>
      h(
        'label',
        {},
        h('input', {
          type: 'radio',
          name: group,
          value,
          checked: value === chosen,
          'data-key': `${group}-${value}`,
          onchange: () => choose(value),
        }),
        h('span', {}, text),
      ),
    ),
  )
}
