/** All of what `npm test` plays a share of. */
import '../faults/handles.test.js'
