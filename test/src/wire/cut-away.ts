import { createHash } from 'node:crypto'
import { createMemoryStore, everything, isFanlightError, put, type Store, type Versions } from '@fanlight/core'
import { type ManualClock, manualClock, seededRandom } from '@fanlight/core/testing'
import { connect, type Remote } from '@fanlight/client-browser'
import { simulate, type Simulated } from './simulated.ts'
import { checkPairs, follow, stateOf } from './watcher.ts'

/** What a run gave. */
export interface CutAway {
  /** All that was seen, and when, as a hash. */
  readonly trace: string
  readonly cuts: number
  /** Feeds that went on after a cut without a replacement. */
  readonly resumes: number
  /** Commits that were answered after the connection was cut under them. */
  readonly retries: number
  readonly failure?: string | undefined
}

/** So many rounds of traffic, each with a time in which something may be cut. */
const rounds = 60

/** After its last round whoever waits has so long, in milliseconds. */
const patienceMs = 120_000

/**
 * Plays one life of a client over a simulated connection that breaks at any byte: some commit beside it, it commits, asks and
 * follows, and must hold at the end what the store holds. The same seed gives the same trace.
 */
export async function cutAway(seed: number): Promise<CutAway> {
  const clock = manualClock(1_000_000)
  const random = seededRandom(seed)
  const hash = createHash('sha256')
  const note = (what: string): void => void hash.update(`${clock.now()} ${what}\n`)
  const life = new Life(clock, random, note)
  let failure: string | undefined
  try {
    await life.run()
  } catch (error) {
    failure = error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
  return { trace: hash.digest('hex'), ...life.seen, failure }
}

class Life {
  readonly seen = { cuts: 0, resumes: 0, retries: 0 }
  readonly #clock: ManualClock
  readonly #random: () => number
  readonly #note: (what: string) => void
  readonly #store: Store
  readonly #server: Simulated
  readonly #under = new Set<Promise<void>>()
  #isOver = false
  #beside = 0
  #failure: unknown

  constructor(clock: ManualClock, random: () => number, note: (what: string) => void) {
    this.#clock = clock
    this.#random = random
    this.#note = note
    this.#store = createMemoryStore({ name: 'cut', clock, random }) as Store
    // Most end soon; some live long enough for what goes in pieces, and some of those end between two of them.
    const bytesMax = (): number => (random() < 0.6 ? 4_000 : 400_000)
    const cutAfterBytes = (): number => (this.#isOver ? Infinity : Math.floor(300 + random() * bytesMax()))
    this.#server = simulate(this.#store, { clock, random, cutAfterBytes, limits: { frameBytes: 2 ** 16 } })
  }

  async run(): Promise<void> {
    const clock = this.#clock
    const remote = await this.#connected()
    const watcher = follow(remote, ({ versions, replace, changes, folded }) => {
      this.#note(`took ${JSON.stringify(versions)} ${replace?.entries.length} ${changes.length} ${folded}`)
      this.#start(checkAt(this.#store, watcher.state, versions))
    })
    for (let round = 0; round < rounds; round++) {
      for (let i = Math.floor(this.#random() * 3); i > 0; i--) await this.#commitBeside()
      this.#start(this.#commit(remote, round))
      if (this.#random() < 0.3) this.#start(this.#ask(remote))
      await clock.advance(this.#random() * 60)
    }
    this.#isOver = true
    // A connection that was to be cut is cut now: so that the last one holds.
    this.#server.cut()
    const endsAt = clock.now() + patienceMs
    const { reached } = this.#store
    const isThere = (): boolean =>
      Object.entries(reached).every(([source, version]) => (watcher.versions[source] ?? -1) >= version)
    while ((this.#under.size > 0 || !isThere()) && clock.now() < endsAt) await clock.advance(100)
    if (this.#failure !== undefined) throw this.#failure
    if (this.#under.size > 0) throw new Error(`L9: ${this.#under.size} askers wait still`)
    await this.#compare(remote, watcher)
    this.seen.resumes = this.seen.cuts - (watcher.replaces - 1)
    await watcher.close()
    await remote.close()
    this.#server.hub.close()
    await this.#store.close()
    await clock.advance(60_000)
    if (clock.pending > 0) throw new Error(`${clock.pending} timers are left when all is closed`)
  }

  async #connected(): Promise<Remote> {
    let wasOpen = false
    const connecting = connect('ws://simulated/', {
      clock: this.#clock,
      random: this.#random,
      dial: this.#server.dial,
      retryMs: 20,
      retryMsMax: 200,
      onConnection: ({ status, attempt, why }) => {
        this.#note(`${status} ${attempt} ${why?.message}`)
        if (wasOpen && status === 'waiting') this.seen.cuts++
        wasOpen = status === 'open'
      },
    })
    let remote: Remote | undefined
    connecting.then(
      (one) => (remote = one),
      (error: unknown) => (this.#failure = error),
    )
    while (remote === undefined && this.#failure === undefined) await this.#clock.advance(10)
    return connecting
  }

  /** What a client does, while others go on. */
  #start(work: Promise<void>): void {
    const under = work
      .catch((error: unknown) => void (this.#failure ??= error))
      .finally(() => this.#under.delete(under))
    this.#under.add(under)
  }

  async #commitBeside(): Promise<void> {
    const number = this.#beside++
    if (this.#random() < 0.04) {
      // More than fits into a frame: the two halves go in two pieces.
      const large = `${number} `.repeat(20_000)
      await this.#store.commit?.([put('a large', large), put('b large', large)])
      return
    }
    await this.#store.commit?.([put(`a${number % 7}`, number), put(`b${number % 7}`, number)])
  }

  async #commit(remote: Remote, number: number): Promise<void> {
    const { cuts } = this.seen
    try {
      const versions = await remote.commit([put(`once/${number}`, number)])
      if (this.seen.cuts > cuts) this.seen.retries++
      this.#note(`committed ${number} ${JSON.stringify(versions)}`)
      const { entries } = await remote.fetch(`once/${number}`)
      if (entries[0]?.value !== number) throw new Error(`L2: what was written as ${number} is not read`)
    } catch (error) {
      if (!isFanlightError(error, 'UNAVAILABLE') && !isFanlightError(error, 'STALLED')) throw error
      this.#note(`not known ${number} ${error.applied}`)
      if (error.applied === 'no') throw error
    }
  }

  async #ask(remote: Remote): Promise<void> {
    const { entries, versions } = await remote.fetch(everything)
    this.#note(`asked ${JSON.stringify(versions)} ${entries.length}`)
    const state = new Map(entries.map(({ key, value }) => [key, value]))
    checkPairs(state)
    await checkAt(this.#store, state, versions)
  }

  async #compare(
    remote: Remote,
    watcher: { readonly state: ReadonlyMap<string, unknown>; readonly replaces: number },
  ): Promise<void> {
    const expected = await stateOf(this.#store)
    const asked = stateOf(remote)
    await this.#clock.advance(1_000)
    for (const state of [watcher.state, await asked]) {
      if (!same(state, expected)) throw new Error(`L6: ${show(state)} is held at the end, not ${show(expected)}`)
    }
    if (watcher.replaces > 1) throw new Error(`L7: ${watcher.replaces - 1} replacements of what is still known`)
    // Each commit is one version: one that was applied twice has two.
    const once = [...expected.keys()].filter((key) => key.startsWith('once/')).length
    const [version] = Object.values(this.#store.reached)
    if (version !== once + this.#beside)
      throw new Error(`L4: ${version} commits, of which ${once + this.#beside} are known`)
  }
}

/** What is held must be what the store showed at that point; the whole of its history is known (L6). */
async function checkAt(store: Store, held: ReadonlyMap<string, unknown>, point: Versions): Promise<void> {
  const before = new Map(held)
  const { entries } = await store.fetch(everything, { max: point, min: point })
  const expected = new Map(entries.map(({ key, value }) => [key, value]))
  if (!same(before, expected)) throw new Error(`L6: ${show(before)} at ${JSON.stringify(point)}, not ${show(expected)}`)
}

function same(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value)
}

function show(state: ReadonlyMap<string, unknown>): string {
  return JSON.stringify([...state]).slice(0, 2_000)
}
