import { spawn } from 'node:child_process'
import { root } from './root.mjs'

const ignore = () => {}

/**
 * Runs a command at the root of the repository, with this process's streams, and returns its exit code.
 * An interrupt goes to the whole group: how to end then is left to the command. A request to end is handed on to it.
 */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options })
    process.on('SIGINT', ignore)
    const stop = () => child.kill('SIGTERM')
    process.on('SIGTERM', stop)
    const done = (code) => {
      process.off('SIGINT', ignore)
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
