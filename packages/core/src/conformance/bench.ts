import * as fc from 'fast-check'
import type { HistoryLimits } from '../limits.ts'
import type { Change, FetchOptions, Query, Snapshot, SourceId, Store, Versions, WatchOptions } from '../store.ts'
import { type ManualClock, manualClock } from '../testing/manual-clock.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { reaches } from '../versions.ts'
import { anyValue, nastyKeys } from './arbitraries.ts'
import { ensure, sameEntries, sameValue, show } from './check.ts'
import { checkSnapshot } from './check-snapshot.ts'
import { compareCodePoints, type State } from './evaluate.ts'
import { Follower } from './follower.ts'
import type { HolderStart } from './holder.ts'
import { applyChanges, Model } from './model.ts'
import { ended, until } from './patience.ts'
import type { ConformanceSeams, Setup } from './setup.ts'
import { Witness } from './witness.ts'

/** How a bench is made. */
export interface BenchOptions {
  readonly seed?: number | undefined
  readonly history?: HistoryLimits | undefined
}

/** One fresh store with the model of it: every answer that goes through the bench is checked, at once and once more at the end. */
export class Bench {
  readonly setup: Setup
  readonly seams: ConformanceSeams
  readonly clock: ManualClock
  /** Keys to write, in key order. */
  readonly pool: readonly string[]
  #store: Store
  #model: Model
  #values: fc.Arbitrary<unknown>
  readonly #witness = new Witness()
  #count = 0
  #moving: SourceId | undefined

  private constructor(setup: Setup, seams: ConformanceSeams, store: Store, model: Model) {
    this.setup = setup
    this.seams = seams
    this.clock = seams.clock
    this.#store = store
    this.#model = model
    this.#values = setup.values ?? anyValue()
    this.pool = poolOf(setup, store)
  }

  /** Lends a bench. Of what fails, the first is told: where a run has failed, what it left open may fail the end as well. */
  static async lend<R>(setup: Setup, options: BenchOptions, run: (bench: Bench) => Promise<R>): Promise<R> {
    const bench = await Bench.open(setup, options)
    let result: R
    try {
      result = await run(bench)
    } catch (error) {
      await bench.close().catch(() => undefined)
      throw error
    }
    await bench.close()
    return result
  }

  /** Makes a store and looks at what it holds. */
  static async open(setup: Setup, { seed = 1, history }: BenchOptions = {}): Promise<Bench> {
    const seams = { clock: manualClock(1_000_000), random: seededRandom(seed), history }
    const store = (await setup.create(seams)) as Store
    return new Bench(setup, seams, store, await firstModel(setup, store))
  }

  get store(): Store {
    return this.#store
  }

  get model(): Model {
    return this.#model
  }

  /** What the store shows now. */
  get state(): State {
    return this.#model.stateAt(this.#model.latest) ?? new Map()
  }

  /** Whether anything was written. */
  get wrote(): boolean {
    return this.#moving !== undefined
  }

  /** The source that the last write moved. */
  get source(): SourceId {
    ensure(this.#moving !== undefined, 'write something first')
    return Object.keys(this.present({ [this.#moving]: 0 }))[0] ?? this.#moving
  }

  /** The newest point that was written, in the present names of the sources. */
  get latest(): Versions {
    return this.present(this.#model.latest)
  }

  /** A point that is never reached. */
  get never(): Versions {
    return { [this.source]: Number.MAX_SAFE_INTEGER }
  }

  /** The point right behind the newest: not reached, unless the source moves by itself. */
  get next(): Versions {
    const { reached } = this.store
    return { [this.source]: Math.max(reached[this.source] ?? 0, this.latest[this.source] ?? 0) + 1 }
  }

  /** A point of the model in the present names of the sources. */
  present(point: Versions): Versions {
    const own: Record<SourceId, number> = {}
    for (const source of this.store.sources) {
      const [name] = Object.keys(this.#model.canonical({ [source]: 0 }))
      const version = name === undefined ? undefined : point[name]
      if (version !== undefined) own[source] = version
    }
    return own
  }

  /** So many keys, in key order, that one commit can change. */
  keys(count: number): readonly string[] {
    const places = new Map<string, string[]>()
    for (const key of this.pool) {
      const place = this.place(key)
      places.set(place, [...(places.get(place) ?? []), key])
    }
    const keys = [...places.values()].sort((a, b) => b.length - a.length)[0]?.slice(0, count) ?? []
    ensure(keys.length === count, () => `the suite needs ${count} keys of one place: \`keys\` gives ${keys.length}`)
    return keys
  }

  place(key: string): string {
    return this.setup.place?.(key) ?? ''
  }

  /** A value that was not written before, where the setup does not name its own. */
  value(): unknown {
    const seed = ++this.#count
    const [sample] = fc.sample(this.#values, { seed, numRuns: 1 })
    return this.setup.values === undefined ? { n: seed, is: sample } : sample
  }

  /** A change of the key that shows. */
  change(key: string): Change {
    for (let i = 0; i < 100; i++) {
      const change = { key, value: this.value() }
      if (this.effect([change]).length > 0) return change
    }
    throw new Error(`no value of \`values\` at ${show(key)} changes what the store shows`)
  }

  /** The keys whose entries these changes would change. */
  effect(changes: readonly Change[]): readonly string[] {
    const written = this.#model.written()
    const before = this.setup.expected?.(written) ?? written
    const next = new Map(written)
    applyChanges(next, changes)
    const after = this.setup.expected?.(next) ?? next
    const keys = [...new Set([...before.keys(), ...after.keys()])].sort(compareCodePoints)
    return keys.filter((key) => before.has(key) !== after.has(key) || !sameValue(before.get(key), after.get(key)))
  }

  /** Writes changes, those of each place as one commit, and lets the store catch up. Gives the newest point. */
  async write(...changes: readonly Change[]): Promise<Versions> {
    for (const place of new Set(changes.map(({ key }) => this.place(key)))) {
      const together = changes.filter(({ key }) => this.place(key) === place)
      const versions = await this.commit(together)
      this.recorded(versions, together)
    }
    await this.settle()
    return this.latest
  }

  /** Lets a store that lags catch up. */
  async settle(): Promise<void> {
    await this.setup.settle?.(this.#store)
  }

  /** Changes every key of the list to something that shows, in one commit. */
  put(...keys: readonly string[]): Promise<Versions> {
    return this.write(...keys.map((key) => this.change(key)))
  }

  delete(...keys: readonly string[]): Promise<Versions> {
    return this.write(...keys.map((key): Change => ({ key, gone: true })))
  }

  /** One commit, as the setup says, which the model does not hear of. */
  commit(changes: readonly Change[]): Promise<Versions> {
    const { store, setup } = this
    if (setup.write !== undefined) return setup.write(store, changes)
    ensure(
      store.commit !== undefined,
      'this store takes no commits: give the suite `write`, which changes what it shows',
    )
    return store.commit(changes)
  }

  /** Whether what the store takes in a commit is what it shows. */
  get commitsWhatItShows(): boolean {
    return this.store.supports.commit && this.setup.expected === undefined
  }

  /** Tells the model of a commit. */
  recorded(versions: Versions, changes: readonly Change[]): void {
    const { latest } = this.#model
    const moved = Object.entries(this.#model.canonical(versions)).filter(([source, at]) => at > (latest[source] ?? 0))
    // A store that finds out for itself what changed has nothing to count where nothing did.
    const quiet = moved.length === 0 && !this.store.supports.commit && reaches(this.#model.canonical(versions), latest)
    if (quiet && this.effect(changes).length === 0) return
    ensure(moved.length > 0, () => `${show(changes)} got ${show(versions)}, which is not after ${show(latest)}${hint}`)
    this.#moving = moved[0]?.[0]
    this.#model.commit(Object.fromEntries(moved), changes)
  }

  /** Tells the model of a commit that may not be the newest: others were under way. */
  recordedInOrder(versions: Versions, changes: readonly Change[]): void {
    const { start } = this.#model
    const moved = Object.entries(this.#model.canonical(versions)).filter(([source, at]) => at > (start[source] ?? 0))
    ensure(moved.length === 1, () => `a commit goes to one source, but it got ${show(versions)}`)
    this.#moving = moved[0]?.[0]
    this.#model.commit(Object.fromEntries(moved), changes)
  }

  /** Asks, and checks the answer. Without `max` it asks for what was written last. */
  async fetch(query: Query, options: FetchOptions = {}): Promise<Snapshot> {
    await this.settle()
    const min = options.max === undefined ? this.latest : undefined
    const asked: Promise<Snapshot> = this.store.fetch(query, min === undefined ? options : { min, ...options })
    const snapshot = await this.ended(asked, `the answer to ${show(query)}`)
    this.keep(query, snapshot, { ...(min === undefined ? {} : { min }), ...options })
    checkSnapshot(this.#model, query, snapshot)
    return snapshot
  }

  /** Asks for the answer at exactly one point. */
  exactly(query: Query, point: Versions): Promise<Snapshot> {
    return this.fetch(query, { min: point, max: point })
  }

  /** Keeps an answer, to check it when more is known. */
  keep(query: Query, snapshot: Snapshot, options: FetchOptions): void {
    this.#witness.keep(this.#model, this.store.reached, query, snapshot, options)
  }

  /** Checks every answer once more: what was committed since must not lie in a window of it. Gives the points checked. */
  recheck(): number {
    return this.#witness.recheck(this.#model)
  }

  /** Follows a query. */
  follow(query: Query, options?: WatchOptions, start?: HolderStart): Follower {
    return new Follower(this, this.store.watch(query, options), query, start)
  }

  /** Waits for what the store does on its own time. */
  until(done: () => boolean, what: string, tickMs = 0): Promise<void> {
    return until(done, what, { clock: this.clock, tickMs })
  }

  /** Waits for a promise, but not for ever. */
  ended<T>(promise: Promise<T>, what: string, tickMs = 0): Promise<T> {
    return ended(promise, what, { clock: this.clock, tickMs })
  }

  /**
   * Closes the store and opens it again. Where it does not continue what it was, the model starts anew.
   *
   * @param leave is called before the model is left
   */
  async reopen(leave: () => void = () => undefined): Promise<void> {
    ensure(this.setup.reopen !== undefined, 'a store with `supports.durable` needs `reopen`')
    const written = this.#model.written()
    const before = this.#model.latest
    this.#store = (await this.setup.reopen(this.#store, this.seams)) as Store
    const { continues = [] } = this.#store
    for (const { id, upTo, as } of continues) {
      if (Object.keys(this.#model.canonical({ [id]: 0 })).length > 0) this.#model.continue(id, as)
      ensure(upTo >= 0 && as in this.#store.reached, () => `continues says ${show({ id, upTo, as })}`)
    }
    const reached = this.#model.canonical(this.#store.reached)
    if (Object.keys(before).every((source) => source in reached)) {
      ensure(
        reaches(reached, before),
        () => `L4: opened again, it has lost what came after ${show(reached)}: ${show(before)}`,
      )
      return
    }
    leave()
    this.recheck()
    this.#witness.forget()
    this.#moving = undefined
    this.#model = new Model(this.#store.reached, { state: written, expected: this.setup.expected?.bind(this.setup) })
  }

  /** Ends it: checks what was kept and removes what is left. */
  async close(): Promise<void> {
    await this.#store.close()
    await this.setup.teardown?.(this.#store)
  }
}

/** What to look at where a version is not as it must be. */
const hint =
  ': a commit gives the version that it got, `write` of the setup the one at which the store shows the change. Only ' +
  'where the store takes no commits, and the change changes nothing, may it be the one of before'

async function firstModel(setup: Setup, store: Store): Promise<Model> {
  const { entries } = await store.fetch({})
  const held = new Map(entries.map(({ key, value }) => [key, value]))
  const expected = setup.expected?.bind(setup)
  if (store.supports.single) return new Model(store.reached, { state: held, expected })
  const empty = expected?.(new Map()) ?? new Map()
  const shown = [...empty].map(([key, value]) => ({ key, value })).sort((a, b) => compareCodePoints(a.key, b.key))
  ensure(sameEntries(entries, shown), () => `a fresh store is not empty: ${show(entries)}`)
  return new Model(store.reached, { expected })
}

function poolOf(setup: Setup, store: Store): readonly string[] {
  if (store.supports.single) return ['']
  const sample = fc.sample(setup.keys ?? nastyKeys(), { seed: 1, numRuns: 200 })
  return [...new Set(sample)].slice(0, 40).sort(compareCodePoints)
}
