/** All of what `npm test` plays a share of. */
import '../demo/chatwoot-source.test.js'
