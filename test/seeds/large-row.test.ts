/** All of what `npm test` plays a share of. */
import '../faults/large-row.test.js'
