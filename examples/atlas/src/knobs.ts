import { type Live, type MemoryStore, createMemoryStore, everything, live, put } from 'fanlight'
import type { Settings } from './settings.ts'

/** What the page can turn while the atlas runs: it travels as commits. */
export interface Knobs {
  /** Writes a second. */
  readonly rate: number
  /** How far the index lags, in milliseconds. */
  readonly lagMs: number
  /** Whether the index stays where it is. */
  readonly frozen: boolean
  /** The country that is shown, by its two letters. */
  readonly country: string
}

/** Beyond these the atlas does not go, whatever a page asks. */
export const knobsMax = { rate: 300, lagMs: 3000 } as const

/** The store of the knobs, and what they are now. */
export class KnobBoard {
  readonly store: MemoryStore<Knobs> = createMemoryStore<Knobs>({ name: 'settings' })
  readonly #first: Knobs
  readonly #list: Live<Knobs[keyof Knobs]>

  constructor({ rate, lagMs, country }: Settings) {
    this.#first = { rate, lagMs, frozen: false, country }
    this.#list = live(this.store, everything)
  }

  /** Puts the first values into the store. */
  async open(): Promise<void> {
    const { rate, lagMs, frozen, country } = this.#first
    await this.store.commit([put('rate', rate), put('lagMs', lagMs), put('frozen', frozen), put('country', country)])
  }

  /** What they are now. Anything may have been committed: what makes no sense counts for nothing. */
  get now(): Knobs {
    const said = new Map((this.#list.value ?? []).map(({ key, value }) => [key, value as unknown]))
    const { rate, lagMs, country } = this.#first
    const frozen = said.get('frozen')
    const code = said.get('country')
    return {
      rate: between(said.get('rate'), Math.max(rate, knobsMax.rate), rate),
      lagMs: between(said.get('lagMs'), Math.max(lagMs, knobsMax.lagMs), lagMs),
      frozen: frozen === true,
      country: typeof code === 'string' && /^[A-Z]{2}$/.test(code) ? code : country,
    }
  }

  async close(): Promise<void> {
    await this.#list.close()
    await this.store.close()
  }
}

function between(value: unknown, max: number, otherwise: number): number {
  return typeof value === 'number' && Number.isFinite(value) ? Math.min(max, Math.max(0, value)) : otherwise
}
