import { keepToken } from './api.js'
import { h } from './dom.js'
import { count, duration } from './format.js'
import { word } from './words.js'

/** Asks for confirmation of a full load; resolves with the answer. */
export function confirmFullLoad(last) {
  return new Promise((resolve) => {
    const start = h('button', { class: 'button', value: 'start', disabled: true }, word.confirmStart)
    const sure = h('input', { type: 'checkbox', onchange: () => (start.disabled = !sure.checked) })
    const dialog = h(
      'dialog',
      {
        'aria-labelledby': 'confirm-title',
        onclose: () => (resolve(dialog.returnValue === 'start'), dialog.remove()),
      },
      h(
        'form',
        { method: 'dialog' },
        h('h2', { id: 'confirm-title' }, word.confirmTitle),
        h('p', {}, word.confirmText),
        last &&
          h(
            'p',
            { class: 'quiet' },
            word.confirmLast(count(last.rowsExtracted), duration(last.durationSeconds)),
          ),
        h('label', { class: 'sure' }, sure, ' ', word.confirmCheck),
        h(
          'div',
          { class: 'buttons' },
          h('button', { class: 'button quiet-button', value: '' }, word.cancel),
          start,
        ),
      ),
    )
    document.body.append(dialog)
    dialog.showModal()
  })
}

/** The page of a server that requires its token. */
export function drawSignIn(wasWrong, enter) {
  const field = h('input', {
    id: 'token',
    type: 'password',
    autocomplete: 'current-password',
    required: true,
    'aria-describedby': 'token-hint',
    'aria-invalid': wasWrong,
  })
  const submit = (event) => {
    event.preventDefault()
    keepToken(field.value.trim())
    enter()
  }
  return h(
    'form',
    { class: 'sign-in', onsubmit: submit },
    h('h1', {}, word.tokenTitle),
    h('p', { id: 'token-hint', class: 'quiet' }, word.tokenText),
    h('label', { for: 'token' }, word.token),
    h('div', { class: 'together' }, field, h('button', { class: 'button' }, word.enter)),
    wasWrong && h('p', { class: 'wrong', role: 'alert' }, word.tokenWrong),
  )
}
