import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** A program that nobody hears of for so long is stuck: in milliseconds. */
const patienceMs = 60_000

/** A program that a test runs, in a process of its own: `start` starts one. */
export class Program implements AsyncDisposable {
  /** What it ends with: its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>
  readonly #child: ChildProcess
  readonly #listeners = new Set<() => void>()
  #out = ''
  #err = ''

  /** @internal */
  constructor(child: ChildProcess) {
    this.#child = child
    child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#heard(() => (this.#out += text)))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#heard(() => (this.#err += text)))
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, signal) => resolve(code ?? signal))
    })
  }

  /** What it has written to its output. */
  get out(): string {
    return this.#out
  }

  /** What it has complained of. */
  get err(): string {
    return this.#err
  }

  /**
   * Waits until its output matches.
   *
   * @returns what matched first
   * @throws where it ends before that, or is silent for long
   */
  says(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const over = (): void => {
        clearTimeout(timer)
        this.#listeners.delete(look)
      }
      const fail = (why: string): void => {
        over()
        reject(new Error(`it ${why}, and did not say ${String(pattern)}:\n${this.#out}${this.#err}`))
      }
      const timer = setTimeout(() => fail('said nothing more'), patienceMs)
      const look = (): void => {
        timer.refresh()
        const found = pattern.exec(this.#out)
        if (found === null) return
        over()
        resolve(found)
      }
      this.#listeners.add(look)
      this.ended.then(() => fail('ended'), reject)
      look()
    })
  }

  /** Asks it to end. */
  stop(signal: NodeJS.Signals = 'SIGINT'): Promise<number | NodeJS.Signals | null> {
    this.#child.kill(signal)
    return this.ended
  }

  /** Ends it, where it has not ended yet. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL')
  }

  #heard(keep: () => void): void {
    keep()
    for (const listener of this.#listeners) listener()
  }
}

/**
 * Starts a built program.
 *
 * @param path from the root of the repository
 */
export function start(path: string, ...args: readonly string[]): Program {
  return new Program(spawn(process.execPath, [join(root, path), ...args]))
}
