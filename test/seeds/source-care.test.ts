/** All of what `npm test` plays a share of. */
import '../sync/source-care.test.js'
