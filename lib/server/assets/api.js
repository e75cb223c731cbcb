const key = 'chatwoot-sync token'

/** A problem that the server answered with; `status` is 0 when it did not answer. */
export class ApiError extends Error {
  constructor(problem) {
    super(problem.detail ?? problem.title)
    Object.assign(this, { status: problem.status, code: problem.code, executionId: problem.executionId })
  }
}

/** Keeps the token until the tab is closed. */
export function keepToken(token) {
  sessionStorage.setItem(key, token)
}

export const read = (path) => ask(path)

export const post = (path, body) =>
  ask(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })

/** Calls `on(event, data)` for each event of a run until it ends. EventSource cannot send the token. */
export async function follow(executionId, on, signal) {
  const response = await request(`api/runs/${executionId}/events`, { signal })
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  while (true) {
    const { value, done } = await reader.read()
    if (done) return
    const blocks = (text + value).split('\n\n')
    text = blocks.pop()
    for (const block of blocks) {
      const event = /^event: (.*)$/m.exec(block)?.[1]
      const data = /^data: (.*)$/m.exec(block)?.[1]
      if (event && data) on(event, JSON.parse(data))
    }
  }
}

async function ask(path, options) {
  const response = await request(path, options)
  return response.json()
}

async function request(path, { headers = {}, ...options } = {}) {
  const token = sessionStorage.getItem(key)
  const authorization = token ? { authorization: `Bearer ${token}` } : {}
  const response = await fetch(path, { ...options, headers: { ...headers, ...authorization } }).catch(
    (error) => {
      if (error.name === 'AbortError') throw error
      throw new ApiError({ status: 0, title: 'unreachable', code: 'UNREACHABLE' })
    },
  )
  if (response.ok) return response
  const problem = await response.json().catch(() => ({ title: response.statusText, code: 'INTERNAL' }))
  throw new ApiError({ ...problem, status: response.status })
}
