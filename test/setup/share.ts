/**
 * How much of a large random test is played: `few` in `npm test`, `all` in `npm run test:seeds`, whose files in test/seeds are these tests
 * once more.
 */
export function share<Value>(few: Value, all: Value): Value {
  return process.env['TEST_SHARE'] === 'all' ? all : few
}

/** Cases of a test that differ little: `few` in `npm test`, `all` in `npm run test:seeds`, and in `test:months`, where no other project plays them. */
export function cases<Few, All>(few: Few, all: All): Few | All {
  return process.env['TEST_TARGET_TABLE'] === 'months' ? all : share<Few | All>(few, all)
}
