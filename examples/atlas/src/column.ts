import type { Answer, Torn } from './compare.ts'

/** How many ages are kept for the median. */
const agesMax = 1000

/** What one way of asking gave so far. */
export class Column {
  readonly title: string
  fetches = 0
  torn = 0
  /** The last torn answer. */
  lastTorn: Torn | undefined
  answer: Answer | undefined
  ageMs = 0
  readonly #ages: number[] = []

  constructor(title: string) {
    this.title = title
  }

  /** Takes an answer in. */
  take(answer: Answer, ageMs: number): void {
    this.fetches++
    this.answer = answer
    this.ageMs = ageMs
    this.#ages[this.fetches % agesMax] = ageMs
    if (answer.torn === undefined) return
    this.torn++
    this.lastTorn = answer.torn
  }

  /** The median age of the last answers, in milliseconds. */
  get medianAgeMs(): number {
    const ages = this.#ages.filter((age) => age !== undefined).toSorted((a, b) => a - b)
    return ages[ages.length >> 1] ?? 0
  }
}
