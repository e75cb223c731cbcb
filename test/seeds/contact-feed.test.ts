/** All of what `npm test` plays a share of. */
import '../sync/contact-feed.test.js'
