/**
 * Whether two values are the same JSON, keys in the same order. Without recursion, as a server takes JSON that is nested deeper than the
 * stack of JavaScript goes. Objects other than plain ones and arrays are the same only if they are one.
 */
export function isSameJson(one: unknown, other: unknown): boolean {
  const pairs: [unknown, unknown][] = [[one, other]]
  for (let pair = pairs.pop(); pair; pair = pairs.pop()) {
    const [left, right] = pair
    if (Object.is(left, right)) continue
    if (!isStructure(left) || !isStructure(right)) return false
    if (Array.isArray(left) !== Array.isArray(right)) return false
    const keys = Object.keys(left)
    const others = Object.keys(right)
    if (keys.length !== others.length || keys.some((key, at) => key !== others[at])) return false
    for (const key of keys) pairs.push([left[key], right[key]])
  }
  return true
}

function isStructure(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
}
