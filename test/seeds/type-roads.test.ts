/** All of what `npm test` plays a share of. */
import '../sync/type-roads.test.js'
