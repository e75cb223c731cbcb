/** All of what `npm test` plays a share of. */
import '../faults/partition.test.js'
