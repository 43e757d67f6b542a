import type { Update, Versions } from '@fanlight/core'
import { sameItems } from '@fanlight/core/kit'
import { encode, encodeAround, frameOf, type Id, Kind } from '@fanlight/protocol'
import { bodyOf } from './bodies.ts'

/** What was made of one update. */
interface Made {
  /** Undefined: it is too long for one message, and not kept. */
  readonly body: Uint8Array | undefined
  /** The message for the client that was served last: most have followed a query under the same id. */
  id?: Id
  message?: Uint8Array
}

/**
 * What goes to many is made once: feeds of one query take the same update, come to the same point, and so their clients get
 * the same frame.
 */
export class Shared {
  readonly #updates = new WeakMap<Update, Made>()
  readonly #steps = new WeakMap<Versions, Uint8Array>()
  readonly #horizons = new WeakMap<Versions, Uint8Array>()
  readonly #frames = new WeakMap<Uint8Array, readonly [messages: readonly Uint8Array[], frame: Uint8Array]>()

  /** What an update says, without what is around it; undefined where that is longer than `bytesMax`. */
  body(update: Update, bytesMax: number): Uint8Array | undefined {
    let made = this.#updates.get(update)
    if (made === undefined) {
      const body = encode(bodyOf(update))
      this.#updates.set(update, (made = { body: body.length < bytesMax ? body : undefined }))
    }
    return made.body
  }

  /** The message of an update to the point at which the step ends. */
  update(id: Id, update: Update, body: Uint8Array): Uint8Array {
    const made = this.#updates.get(update)
    if (made?.id === id && made.message !== undefined) return made.message
    const message = encodeAround([Kind.update, id, null], body)
    if (made !== undefined) Object.assign(made, { id, message })
    return message
  }

  /** The message that ends a step. */
  step(point: Versions): Uint8Array {
    let message = this.#steps.get(point)
    if (message === undefined) this.#steps.set(point, (message = encode([Kind.step, point])))
    return message
  }

  /** The message that says what can still be answered. */
  horizon(oldest: Versions): Uint8Array {
    let message = this.#horizons.get(oldest)
    if (message === undefined) this.#horizons.set(oldest, (message = encode([Kind.horizon, oldest])))
    return message
  }

  /** Messages as one frame. */
  readonly frame = (messages: readonly Uint8Array[]): Uint8Array => {
    const [first] = messages
    const known = first === undefined ? undefined : this.#frames.get(first)
    if (known !== undefined && sameItems(known[0], messages)) return known[1]
    const frame = frameOf(messages)
    if (first !== undefined) this.#frames.set(first, [messages, frame])
    return frame
  }
}
