/** All of what `npm test` plays a share of. */
import '../faults/hostile-names.test.js'
