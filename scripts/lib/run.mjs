import { spawn } from 'node:child_process'
import { root } from './root.mjs'

const ignore = () => {}

/** How often it is looked whether npm is still there: milliseconds. */
const lookMs = 250

/**
 * Tells when npm has gone that started this script. A signal that ends npm alone reaches nobody else: whoever is left has
 * another parent. Without npm it is no sign of an end: a shell may be closed over what it started.
 */
function onceAlone(callback) {
  const { ppid } = process
  if (process.env['npm_lifecycle_event'] === undefined) return () => {}
  const timer = setInterval(() => {
    if (process.ppid === ppid) return
    clearInterval(timer)
    callback()
  }, lookMs)
  timer.unref()
  return () => clearInterval(timer)
}

/**
 * Runs a command at the root of the repository, with this process's streams, and returns its exit code.
 * A request to end is handed on to it, and so is the end of npm. An interrupt goes to the whole group: how to end then is
 * left to the command. One that takes a second interrupt in its stride can have it handed on too.
 */
export function run(command, args, { interrupt = false, ...options } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options })
    const onInterrupt = interrupt ? () => child.kill('SIGINT') : ignore
    const stop = () => child.kill('SIGTERM')
    process.on('SIGINT', onInterrupt)
    process.on('SIGTERM', stop)
    const company = onceAlone(stop)
    const done = (code) => {
      company()
      process.off('SIGINT', onInterrupt)
      process.off('SIGTERM', stop)
      resolve(code)
    }
    child.on('error', (error) => {
      console.error(`${command}: ${error.message}`)
      done(127)
    })
    child.on('close', (code, signal) => done(code ?? (signal === 'SIGINT' ? 130 : 143)))
  })
}

/** Runs a Node script at the root of the repository. */
export const runNode = (args, options) => run(process.execPath, args, options)
