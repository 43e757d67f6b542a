import { type Store, put } from 'fanlight'
import type { City } from './cities.ts'

/** When a version came. */
interface Moment {
  readonly version: number
  readonly at: number
}

/** How many versions the writer remembers the time of. */
const momentsMax = 10_000

/** How many writes may wait for their turn. */
const waitingMax = 500

/** Changes populations, a given number of times a second: every other time of a city that is shown. */
export class Writer {
  readonly #store: Store<{ '': City | number }>
  readonly #ids: readonly string[]
  readonly #moments: Moment[] = []
  readonly #timer: NodeJS.Timeout
  #shown: readonly string[] = []
  #count = 0
  #waiting = 0
  #writing: Promise<void> = Promise.resolve()

  /**
   * @param ids  the cities of which any may change
   * @param rate writes a second, asked again and again
   * @param fail hears of a write that failed
   */
  constructor(
    store: Store<{ '': City | number }>,
    ids: readonly string[],
    rate: () => number,
    fail: (error: unknown) => void,
  ) {
    this.#store = store
    this.#ids = ids
    const everyMs = 20
    let owed = 0
    this.#timer = setInterval(() => {
      // A disk that is too slow for the rate is not owed more than it can do.
      if (this.#waiting > waitingMax) return
      owed += (rate() * everyMs) / 1000
      for (; owed >= 1; owed--) {
        this.#waiting++
        this.#writing = this.#writing
          .then(() => this.#write())
          .catch(fail)
          .finally(() => this.#waiting--)
      }
    }, everyMs)
  }

  /** Says which cities are shown now. */
  show(ids: readonly string[]): void {
    this.#shown = ids
  }

  /** How old an answer is that was true up to a version: milliseconds since the first commit that it lacks. */
  ageOf(version: number, now: number): number {
    let low = 0
    let high = this.#moments.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#moments[middle]?.version ?? 0) <= version) low = middle + 1
      else high = middle
    }
    const missed = this.#moments[low]
    return missed === undefined ? 0 : now - missed.at
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#writing
  }

  async #write(): Promise<void> {
    const among = this.#count++ % 2 === 0 && this.#shown.length > 0 ? this.#shown : this.#ids
    const id = among[Math.floor(Math.random() * among.length)] ?? ''
    const [entry] = (await this.#store.fetch(id)).entries
    if (entry === undefined || typeof entry.value === 'number') return
    const city = entry.value
    // Mostly a little; at times so much that the city overtakes a neighbour, or falls behind one.
    const share = this.#count % 8 === 0 ? 0.12 : 0.01
    const population = Math.max(1, Math.round(city.population * (1 + (Math.random() * 2 - 1) * share)))
    const versions = (await this.#store.commit?.([put(id, { ...city, population })])) ?? {}
    this.#moments.push({ version: Math.max(...Object.values(versions)), at: Date.now() })
    if (this.#moments.length > momentsMax) this.#moments.splice(0, momentsMax / 2)
  }
}
