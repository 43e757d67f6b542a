// Installs and builds where that is needed, then runs a script that the build made: built.mjs <script> [arguments]
import { build } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { runNode } from './lib/run.mjs'

await install()
const code = await build()
process.exit(code === 0 ? await runNode(process.argv.slice(2)) : code)
