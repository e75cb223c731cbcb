/** All of what `npm test` plays a share of. */
import '../sync/chatwoot-reports-random.test.js'
