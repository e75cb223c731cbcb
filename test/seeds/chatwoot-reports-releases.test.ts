/** All of what `npm test` plays a share of. */
import '../sync/chatwoot-reports-releases.test.js'
