/** All of what `npm test` plays a share of. */
import '../sync/unique-values-random.test.js'
