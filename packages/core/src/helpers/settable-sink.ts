import type { Entry, Feed, Update, Versions } from '../store.ts'
import { valuesEqual } from '../values.ts'
import type { Variable } from '../variable.ts'
import { Disturbed, Refusal, putBack } from './foreign-change-error.ts'
import type { Settable } from './mirror-options.ts'
import type { MirrorSink, SinkHost } from './mirror-sinks.ts'
import { reconcile } from './reconcile.ts'

/** How a mirror sets what can be set. */
export interface SettableSinkOptions<V> {
  readonly make: (entries: readonly Entry<V>[]) => unknown
  readonly reverse: boolean
  readonly foreign: 'repair' | 'refuse'
}

/** Anything with a `set`, which gets what is made of the entries. A variable is followed: it tells who else set it. */
export class SettableSink<V> implements MirrorSink<V> {
  readonly #sink: Settable<unknown>
  readonly #options: SettableSinkOptions<V>
  #feed: Feed | undefined
  #entries: readonly Entry<V>[] | undefined
  #made: unknown
  #at: Versions | undefined

  constructor(sink: Settable<unknown>, options: SettableSinkOptions<V>) {
    this.#sink = sink
    this.#options = options
  }

  start(host: SinkHost): Versions | undefined {
    const sink = this.#sink
    if (!isVariable(sink)) return this.#at
    this.#letGo()
    if (this.#at !== undefined && !valuesEqual(sink.value, this.#made)) {
      if (this.#options.foreign === 'refuse') throw new Refusal([''])
      sink.set(this.#made)
      host.repaired(putBack(['']))
    }
    this.#follow(sink, host)
    return this.#at
  }

  apply(update: Update<V>): void {
    const before = [this.#entries, this.#made] as const
    const entries = reconcile(before[0] ?? [], update, this.#options.reverse)
    if (entries !== before[0]) {
      // What it is set to is known before it is set: whoever follows it is told at once.
      this.#entries = entries
      this.#made = this.#options.make(entries)
      try {
        this.#sink.set(this.#made)
      } catch (error) {
        ;[this.#entries, this.#made] = before
        throw error
      }
    }
    this.#at = update.versions
  }

  close(): Promise<void> {
    this.#letGo()
    return Promise.resolve()
  }

  #follow(variable: Variable<unknown>, host: SinkHost): void {
    const feed = variable.watch('', { since: variable.reached, alone: true })
    this.#feed = feed
    feed.wake(() => {
      if (this.#feed !== feed) return
      try {
        void feed.take()
      } catch (error) {
        return host.failed(error)
      }
      if (this.#at === undefined || valuesEqual(variable.value, this.#made)) return
      this.#letGo()
      host.failed(new Disturbed(['']))
    })
  }

  #letGo(): void {
    const feed = this.#feed
    this.#feed = undefined
    void feed?.close()
  }
}

/** Whether what can be set is a variable of Fanlight. */
export function isVariable(sink: object): sink is Variable<unknown> {
  return 'set' in sink && 'value' in sink && 'watch' in sink
}
