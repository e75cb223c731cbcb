/** All of what `npm test` plays a share of. */
import '../sync/unchanged.test.js'
