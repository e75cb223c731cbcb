/** All of what `npm test` plays a share of. */
import '../faults/hostile-rows.test.js'
