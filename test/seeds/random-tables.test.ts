/** All of what `npm test` plays a share of. */
import '../sync/random-tables.test.js'
