/** All of what `npm test` plays a share of. */
import '../server/server-fuzz.test.js'
