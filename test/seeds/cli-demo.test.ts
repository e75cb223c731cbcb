/** All of what `npm test` plays a share of. */
import '../demo/cli-demo.test.js'
