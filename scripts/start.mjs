// Runs examples/atlas, after an install and a build where they are needed: start.mjs [arguments]
import { build } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { runNode } from './lib/run.mjs'
import { buildSite } from './lib/site.mjs'

const args = process.argv.slice(2)

await install()
let code = await build(['examples/atlas'])
if (code === 0 && !args.includes('--terminal')) code = await buildSite()
process.exit(code === 0 ? await runNode(['examples/atlas/dist/main.js', ...args], { interrupt: true }) : code)
