/**
 * Follows a variable of another process; with a text it sets it first.
 *
 *     node examples/variable-over-wire/dist/client.js <url> [text]
 *
 * @module
 */
import { connect } from '@fanlight/client-browser'
import { live, put } from '@fanlight/core'
import type { greeting } from './server.ts'

const [url, text] = process.argv.slice(2)
if (url === undefined) throw new Error('which url? client.js <url> [text]')
const remote = await connect<typeof greeting>(url)
// A variable has one key, ''.
if (text !== undefined) await remote.commit([put('', text)])

const shown = live(remote, '')
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void shown.close())
for await (const [entry] of shown) console.log(`it is ${JSON.stringify(entry?.value)}`)
await remote.close()
