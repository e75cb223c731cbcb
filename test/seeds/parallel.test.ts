/** All of what `npm test` plays a share of. */
import '../sync/parallel.test.js'
