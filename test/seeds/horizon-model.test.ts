/** All of what `npm test` plays a share of. */
import '../unit/horizon-model.test.js'
