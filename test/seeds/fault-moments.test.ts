/** All of what `npm test` plays a share of. */
import '../faults/fault-moments.test.js'
