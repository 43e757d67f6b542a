import { type Entry, FanlightError } from '@fanlight/core'
import { assertKey, checkValue, freeze } from '@fanlight/core/kit'

/** What a view makes of one entry of its upstream: a key and its value. */
export interface Yield<V = unknown> {
  readonly key: string
  readonly value: V
}

/** What the function of a view gives for one entry: nothing, one entry of the view, or several. */
export type Yields<V = unknown> = Yield<V> | Iterable<Yield<V>> | undefined | null | void

/** A function of entries. It must be pure: the same entry yields the same, whenever and wherever it runs (L0). */
export type MapFunction<In = unknown, Out = unknown> = (entry: {
  readonly key: string
  readonly value: In
}) => Yields<Out>

/** What an input yields, checked. */
export interface Yielded extends Yield {
  /** About how many bytes the value takes. */
  readonly bytes: number
}

/** A function of a view threw at an input, or gave what is no entry. */
export class MapFailure extends Error {
  /** The input, or the group of inputs. */
  readonly at: string
  /** Whether another input at `at` is all that can mend it: what a group or a join yields depends on several. */
  readonly isOfInput: boolean

  constructor(at: string, cause: unknown, isOfInput: boolean = true, what: string = 'the input') {
    super(`the function of a view failed at ${JSON.stringify(at)}: see the cause, and change the function or ${what}`, {
      cause,
    })
    this.at = at
    this.isOfInput = isOfInput
  }

  /** The same, of a group of inputs. */
  ofGroup(): MapFailure {
    return new MapFailure(this.at, this.cause, false, 'a member of this group')
  }

  /** The same, of what is in a window of time: that may move on. */
  inWindow(): MapFailure {
    return new MapFailure(this.at, this.cause, false, 'what is in the window')
  }

  /** What those who ask are told. */
  told(): FanlightError {
    return new FanlightError('UNAVAILABLE', this.message, { keys: [this.at], cause: this.cause })
  }
}

/** Runs the function of a view, and checks what it gives. */
export class Mapping {
  readonly #map: MapFunction
  readonly #skips: boolean
  readonly #depthMax: number

  /**
   * @param skips    whether an input at which the function throws yields nothing
   * @param depthMax how deep values may nest
   */
  constructor(map: MapFunction, skips: boolean, depthMax: number) {
    this.#map = map
    this.#skips = skips
    this.#depthMax = depthMax
  }

  /**
   * What an input yields, each key once.
   *
   * @throws MapFailure
   */
  of({ key, value }: Pick<Entry, 'key' | 'value'>): readonly Yielded[] {
    try {
      const yields = this.#map({ key, value })
      if (yields === undefined || yields === null) return none
      if (typeof yields === 'object' && Symbol.iterator in yields) return this.#each(yields)
      return [this.#checked(yields)]
    } catch (error) {
      if (this.#skips) return none
      throw new MapFailure(key, error)
    }
  }

  #each(yields: Iterable<Yield>): readonly Yielded[] {
    const found = new Map<string, Yielded>()
    for (const one of yields) {
      const checked = this.#checked(one)
      if (found.has(checked.key)) {
        throw new FanlightError('BAD_KEY', 'an input may yield each key once', { keys: [checked.key] })
      }
      found.set(checked.key, checked)
    }
    return [...found.values()]
  }

  #checked(one: Yield): Yielded {
    if (typeof (one as Partial<PromiseLike<unknown>> | null)?.then === 'function') {
      // What becomes of it nobody asks any more.
      void Promise.resolve(one).catch(() => undefined)
      const message = 'the function of a view gave a promise: it must give what it makes of an entry at once'
      throw new FanlightError('BAD_VALUE', message)
    }
    if (typeof one !== 'object' || one === null || !('key' in one)) {
      throw new FanlightError(
        'BAD_VALUE',
        'the function of a view gives { key, value }, several of them, or nothing; and gives it at once',
      )
    }
    const { key, value } = one
    assertKey(key)
    const bytes = checkValue(value, this.#depthMax)
    // From here on all readers of the view share it.
    return { key, value: freeze(value), bytes }
  }
}

const none: readonly Yielded[] = []
