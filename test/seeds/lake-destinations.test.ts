/** All of what `npm test` plays a share of. */
import '../faults/lake-destinations.test.js'
