import { setTimeout as sleep } from 'node:timers/promises'
import type { Collection } from 'mongodb'

/** A document, as this writer makes it. */
export interface VisitDocument {
  readonly city: string
  readonly country: string
  readonly stars: number
  readonly at: Date
}

/** A city that can be visited. */
export type Destination = Pick<VisitDocument, 'city' | 'country'>

/** How many visits are kept: where there are more, the oldest goes. */
const visitsMax = 500

/** It does so every so often, in milliseconds, and more at once the higher the rate is. */
const everyMs = 100

/** How long it rests after a failure, in milliseconds. */
const restMs = 1000

/** Visits cities. It is any program that writes MongoDB: it uses the plain driver, and knows nothing of who follows it. */
export class Visitor {
  readonly #visits: Collection<VisitDocument>
  readonly #destination: () => Promise<Destination>
  readonly #rate: () => number
  readonly #ending = new AbortController()
  readonly #running: Promise<void>

  /**
   * @param visits      the collection
   * @param destination where the next one goes
   * @param rate        writes a second, asked again and again
   */
  constructor(visits: Collection<VisitDocument>, destination: () => Promise<Destination>, rate: () => number) {
    this.#visits = visits
    this.#destination = destination
    this.#rate = rate
    this.#running = this.#run(this.#ending.signal)
  }

  async close(): Promise<void> {
    this.#ending.abort()
    await this.#running
  }

  async #run(signal: AbortSignal): Promise<void> {
    let owed = 0
    while (!signal.aborted) {
      owed = Math.min(owed + (this.#rate() * everyMs) / 1000, 100)
      let isFailing = false
      for (; owed >= 1 && !isFailing && !signal.aborted; owed--) {
        // Where MongoDB is away, visits are not written; the next ones are, when it is back.
        await this.#write().catch(() => (isFailing = true))
      }
      await sleep(isFailing ? restMs : everyMs, undefined, { signal }).catch(() => undefined)
    }
  }

  /** Mostly a new visit; at times an old one gets other stars, or turns out to have been somewhere else. */
  async #write(): Promise<void> {
    const chance = Math.random()
    const stars = 1 + Math.floor(5 * Math.sqrt(Math.random()))
    if (chance < 0.7) {
      await this.#visits.insertOne({ ...(await this.#destination()), stars, at: new Date() })
      await this.#forget()
      return
    }
    const [some] = await this.#visits.aggregate([{ $sample: { size: 1 } }, { $project: { _id: 1 } }]).toArray()
    if (some === undefined) return
    const changed = chance < 0.85 ? { stars } : await this.#destination()
    await this.#visits.updateOne({ _id: some['_id'] }, { $set: changed })
  }

  async #forget(): Promise<void> {
    if ((await this.#visits.estimatedDocumentCount()) <= visitsMax) return
    await this.#visits.findOneAndDelete({ at: { $type: 'date' } }, { sort: { at: 1 } })
  }
}
