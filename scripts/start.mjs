// Runs examples/atlas, after an install and a build where they are needed: start.mjs [arguments]
import { build } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { runNode } from './lib/run.mjs'

await install()
const code = await build(['examples/atlas'])
const atlas = ['examples/atlas/dist/main.js', ...process.argv.slice(2)]
process.exit(code === 0 ? await runNode(atlas, { interrupt: true }) : code)
