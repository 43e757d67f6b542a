import { spawn } from 'node:child_process'

/** How a command ended. */
export interface Ended {
  readonly code: number
  /** Whether it took too long. */
  readonly isKilled: boolean
  /** The end of what it printed. */
  readonly output: string
}

/** Runs a command to its end, or for three minutes at most. */
export function command(
  file: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
  timeoutMs: number = 180_000,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env: { ...process.env, ...env }, timeout: timeoutMs, killSignal: 'SIGKILL' })
    let output = ''
    const hear = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-4000)
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code: code ?? 1, isKilled: signal === 'SIGKILL', output }))
  })
}
