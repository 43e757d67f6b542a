/**
 * Serves one variable of this process to others, and shows what they make of it.
 *
 *     npm run build
 *     node examples/variable-over-wire/dist/server.js [port]
 *
 * @module
 */
import { createVariable, live } from '@fanlight/core'
import { serve } from '@fanlight/server'

/** What is served: clients take its type from here. */
export const greeting = createVariable('hello')

const server = await serve(greeting, { port: Number(process.argv[2] ?? 0) })
console.log(`The variable is at ${server.url} (Ctrl-C ends it)`)

const shown = live(greeting, '')
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void shown.close())
for await (const [entry] of shown) console.log(`it is ${JSON.stringify(entry?.value)}`)
await server.close()
