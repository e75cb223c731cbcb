/** All of what `npm test` plays a share of. */
import '../sync/old-view.test.js'
