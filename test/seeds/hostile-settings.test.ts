/** All of what `npm test` plays a share of. */
import '../sync/hostile-settings.test.js'
