/** All of what `npm test` plays a share of. */
import '../sync/type-matrix.test.js'
