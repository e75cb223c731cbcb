/** All of what `npm test` plays a share of. */
import '../verify/verify.test.js'
