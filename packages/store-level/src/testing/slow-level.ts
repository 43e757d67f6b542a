import { MemoryLevel } from 'memory-level'

type Batch = MemoryLevel['batch']

/** A database in memory whose batches are written when they are told to be, and fail when they are told to. */
export class SlowLevel extends MemoryLevel {
  /** How many batches were written. */
  batches = 0
  /** How many calls of `getMany` there were. */
  reads = 0
  /** Whether each batch waits for `go`, when it is readable already. */
  isHeld = false
  /** What the next batches end with. */
  failure: Error | undefined
  #waiting: (() => void)[] = []

  /** How many batches wait. */
  get held(): number {
    return this.#waiting.length
  }

  /** Lets the batches that wait end. */
  go(): void {
    for (const end of this.#waiting.splice(0)) end()
  }

  override batch = (async (...args: Parameters<Batch>) => {
    this.batches++
    if (this.failure !== undefined) throw this.failure
    // As in LevelDB, what is written can be read before its writer is told.
    await (super.batch as (...all: unknown[]) => Promise<void>)(...args)
    if (this.isHeld) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    if (this.failure !== undefined) throw this.failure
  }) as Batch

  override getMany = ((...args: Parameters<MemoryLevel['getMany']>) => {
    this.reads++
    return super.getMany(...args)
  }) as MemoryLevel['getMany']

  override getSync = (): never => {
    throw new Error('a read on the event loop')
  }
}
