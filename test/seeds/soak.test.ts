/** All of what `npm test` plays a share of. */
import '../soak/soak.test.js'
