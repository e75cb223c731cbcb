/** All of what `npm test` plays a share of. */
import '../faults/kill-parallel.test.js'
