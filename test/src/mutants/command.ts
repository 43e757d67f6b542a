import { spawn } from 'node:child_process'

/** How a command ended. */
export interface Ended {
  readonly code: number
  /** The end of what it printed. */
  readonly output: string
}

/** The longest that a command may take, in milliseconds. */
const timeoutMs = 180_000

/** Runs a command to its end, or for three minutes at most. */
export function command(file: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env: { ...process.env, ...env }, timeout: timeoutMs, killSignal: 'SIGKILL' })
    let output = ''
    const hear = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-4000)
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('error', reject)
    child.once('close', (code) => resolve({ code: code ?? 1, output }))
  })
}
