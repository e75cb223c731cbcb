/**
 * How much of a large random test is played: `few` in `npm test`, `all` in `npm run test:seeds`, whose files in test/seeds are these tests
 * once more.
 */
export function share<Value>(few: Value, all: Value): Value {
  return process.env['TEST_SHARE'] === 'all' ? all : few
}
