// Builds the page of examples/atlas: site.mjs
import { buildSite } from './lib/site.mjs'

process.exit(await buildSite())
