/**
 * Keeps a mongod for as long as the process is there that started this one: `fork(keeper, [mongod, ...arguments])`. A mongod
 * knows nothing of who started it; this process hears of it when the channel to that process closes, which it does however
 * that one ends, by a `kill -9` too.
 *
 * @module
 */
import { spawn } from 'node:child_process'

/** A mongod that has not ended by itself so long after it was asked to is killed: milliseconds. Its journal is made for that. */
const patienceMs = 5_000

const [binary = '', ...args] = process.argv.slice(2)
const mongod = spawn(binary, args, { stdio: ['ignore', 'inherit', 'inherit'], windowsHide: true })
mongod.once('error', (error) => {
  process.stderr.write(`${error.message}\n`, () => process.exit(127))
})
mongod.once('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 2)))

const end = (): void => {
  mongod.kill('SIGTERM')
  setTimeout(() => mongod.kill('SIGKILL'), patienceMs)
}
process.once('disconnect', end)
// Where it went before anyone listened.
if (!process.connected) end()
// Nobody reads what it says any more.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
