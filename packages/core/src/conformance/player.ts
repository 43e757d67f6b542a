import type { Change, CommitOptions, Query, Update, Versions } from '../store.ts'
import { isFanlightError } from '../errors.ts'
import { breathe } from '../testing/turns.ts'
import { mergeVersions, reaches } from '../versions.ts'
import type { Bench } from './bench.ts'
import { ensure, rejects, same, show } from './check.ts'
import { checkCommitted, checkConflict } from './check-commit.ts'
import type { Follower } from './follower.ts'
import { Holder } from './holder.ts'
import {  } from './model.ts'
import type { Kind, Op, Pick } from './script.ts'

/** How much was done: a run in which nothing happened proves nothing. */
export type Traffic = Record<Kind | 'points' | 'conflicts' | 'steps' | 'quiet' | 'waited', number>

export function noTraffic(): Traffic {
  return {
    write: 0, retry: 0, fetch: 0, changes: 0, watch: 0, take: 0, setQuery: 0, resume: 0, leave: 0, await: 0, settle: 0,
    tick: 0, reopen: 0, points: 0, conflicts: 0, steps: 0, quiet: 0, waited: 0,
  }
}

interface Made {
  readonly changes: readonly Change[]
  readonly options: CommitOptions
  readonly versions: Versions
}

interface Followed {
  follower: Follower
  query: Query
  busy: boolean
}

/**
 * Plays scripts on a store. What is seen is checked at the end, when the model knows all commits: an answer may be given,
 * and a feed may step, before the commit that it shows has returned.
 */
export class Player {
  readonly #bench: Bench
  readonly #traffic: Traffic
  readonly #waits = new Set<Promise<void>>()
  readonly #feeds: Followed[] = []
  #points: Versions[] = []
  #made: Made[] = []
  #checks: (() => boolean | void)[] = []
  #writing: Promise<unknown> = Promise.resolve()
  #opening: Promise<void> = Promise.resolve()
  #era = 0
  #ids = 0

  constructor(bench: Bench, traffic: Traffic) {
    this.#bench = bench
    this.#traffic = traffic
    this.#points.push(bench.latest)
  }

  /** Does one thing. What it waits for may end later. */
  async run(op: Op): Promise<void> {
    await this.#opening
    this.#traffic[op.do]++
    if (op.do === 'write') return this.#write(op)
    if (op.do === 'retry') return this.#retry(op.commit)
    if (op.do === 'fetch') return this.#fetch(op.query, op.min, op.max)
    if (op.do === 'changes') return this.#changes(op.query, op.since, op.until)
    if (op.do === 'watch') return void this.#follow(op.query)
    if (op.do === 'take') return this.#take(op.feed, op.to)
    if (op.do === 'setQuery') return this.#setQuery(op.feed, op.query)
    if (op.do === 'resume') return this.#resume(op.feed)
    if (op.do === 'leave') return this.#leave(op.feed)
    if (op.do === 'await') return this.#await(op)
    if (op.do === 'settle') return this.#bench.settle()
    if (op.do === 'tick') return this.#bench.clock.advance(op.ms)
    return this.#reopen()
  }

  /** Ends all waits, and checks everything. */
  async finish(): Promise<void> {
    const bench = this.#bench
    await this.#opening
    await bench.ended(this.#writing, 'the end of all commits')
    for (let round = 0; round < 3 && (round === 0 || this.#waits.size > 0); round++) {
      for (const key of keyOfEachPlace(bench)) await bench.write({ key, value: bench.value() })
      await breathe()
    }
    await bench.ended(Promise.all(this.#waits), 'the end of all waits')
    for (const followed of this.#feeds) {
      if (followed.busy) continue
      await bench.ended(followed.follower.catchUp(), 'the last step of a feed')
      await followed.follower.feed.close()
    }
    await bench.fetch({})
    this.#verify()
  }

  async #write({ picks, basis, guard, id }: Extract<Op, { do: 'write' }>): Promise<void> {
    const bench = this.#bench
    const changes = this.#changesOf(picks)
    if (bench.setup.write !== undefined) {
      const write = this.#writing.then(() => bench.commit(changes)).then((versions) => {
        bench.recorded(versions, changes)
        this.#points.push(bench.latest)
      })
      this.#writing = write.catch(() => undefined)
      return write
    }
    const options: CommitOptions = {
      ...(basis === undefined ? {} : { basis: this.#point(basis) }),
      ...(basis === undefined || guard === undefined ? {} : { guard }),
      ...(id && bench.store.supports.ids ? { id: { session: 'random', number: ++this.#ids, born: bench.latest } } : {}),
    }
    const write = this.#commit(changes, options)
    this.#writing = Promise.allSettled([this.#writing, write])
    return write
  }

  async #commit(changes: readonly Change[], options: CommitOptions): Promise<void> {
    const bench = this.#bench
    const { store, model } = bench
    ensure(store.commit !== undefined, 'supports says that it takes commits')
    const before = store.reached
    try {
      const versions = await store.commit(changes, options)
      const at = { ...before, ...versions }
      ensure(reaches(at, before) && !reaches(before, versions), () => `a commit got ${show(versions)} when ${show(before)} was reached`)
      bench.recordedInOrder(versions, changes)
      this.#made.push({ changes, options, versions })
      this.#points.push(bench.latest, bench.present(model.canonical(versions)))
      this.#checks.push(() => checkCommitted(model, changes, options, versions))
    } catch (error) {
      if (!isFanlightError(error)) throw error
      same(error.applied, 'no', `applied of ${String(error)}`)
      if (error.code === 'LOST_IN_FOG' && options.basis !== undefined && this.#isLost(options.basis)) return
      if (error.code !== 'CONFLICT') throw error
      this.#traffic.conflicts++
      this.#checks.push(() => checkConflict(model, changes, options, error))
    }
  }

  async #retry(index: number): Promise<void> {
    const commit = newest(this.#made.filter(({ options }) => options.id !== undefined), index)
    if (commit === undefined) return
    const { changes, options, versions } = commit
    try {
      const again = await this.#bench.store.commit?.(changes, options)
      const { model } = this.#bench
      same(model.canonical(again ?? {}), model.canonical(versions), 'the version of a retry')
    } catch (error) {
      const lost = await rejects(Promise.reject(error as Error), 'LOST_IN_FOG', 'CLOSED')
      ensure(lost.applied === 'unknown' || lost.code === 'CLOSED', () => `applied of a retry is ${show(lost.applied)}`)
    }
  }

  async #fetch(query: Query, low: number | undefined, high: number | undefined): Promise<void> {
    const min = low === undefined ? undefined : this.#point(low)
    const found = high === undefined ? undefined : this.#point(high)
    const max = min === undefined || found === undefined ? found : mergeVersions(min, found)
    const { store } = this.#bench
    const era = this.#era
    await this.#unlessLost([max], era, async () => {
      const snapshot = await store.fetch(query, { min, max })
      if (era !== this.#era) return
      this.#bench.keep(query, snapshot, { min, max })
      this.#points.push(snapshot.versions)
    })
  }

  async #changes(query: Query, low: number, high: number | undefined): Promise<void> {
    const since = this.#point(low)
    const until = high === undefined ? undefined : mergeVersions(since, this.#point(high))
    const { store } = this.#bench
    await this.#unlessLost([since, until], this.#era, async () => {
      this.#difference(query, since, await store.changes(query, { since, until }), until)
    })
  }

  /** A difference leads from the answer at `since` to that at the point it names. */
  #difference(query: Query, since: Versions, update: Update, until: Versions = {}): void {
    for (const [source, version] of Object.entries(until)) {
      if (source in update.versions) {
        ensure(update.versions[source] === version, () => `until ${show(until)}, but it went to ${show(update.versions)}`)
      }
    }
    const { model } = this.#bench
    this.#checks.push(() => {
      const entries = model.answerAt(query, since)
      if (entries === undefined) return false
      const holder = new Holder(query, { entries, versions: since })
      holder.apply(update)
      return holder.check(model)
    })
  }

  #follow(query: Query): Followed {
    const followed = { follower: this.#bench.follow(query), query, busy: false }
    this.#feeds.push(followed)
    return followed
  }

  async #take(index: number, wanted: number | undefined): Promise<void> {
    const followed = newest(this.#feeds, index) ?? this.#follow({})
    if (followed.busy) return
    const { feed, holder } = followed.follower
    if (holder.versions !== undefined && holder.query === followed.query) this.#held(new Holder(holder.query, { entries: holder.entries, versions: feed.versions }))
    const to = wanted === undefined ? undefined : this.#point(wanted)
    if (to !== undefined && !Object.entries(to).every(([source, at]) => at >= (feed.versions[source] ?? 0))) return
    await this.#step(followed, to)
  }

  async #step(followed: Followed, to: Versions | undefined): Promise<void> {
    const { follower } = followed
    followed.busy = true
    await this.#unlessLost([to], this.#era, async () => {
      const update = await follower.feed.take(to)
      this.#traffic[update === undefined ? 'quiet' : 'steps']++
      follower.accept(update, to)
      const { query, entries, versions = {} } = follower.holder
      this.#points.push(versions)
      this.#held(new Holder(query, { entries, versions }))
    })
    followed.busy = false
  }

  #held(holder: Holder): void {
    const { model } = this.#bench
    this.#checks.push(() => holder.check(model))
  }

  #setQuery(index: number, query: Query): void {
    const followed = newest(this.#feeds, index)
    if (followed === undefined || followed.busy) return
    followed.query = query
    followed.follower.holder.ask(query, followed.follower.feed.setQuery(query))
  }

  /** Someone goes, and comes back with the point held. */
  async #resume(index: number): Promise<void> {
    const followed = newest(this.#feeds, index)
    if (followed === undefined || followed.busy) return
    const { holder, feed } = followed.follower
    const { query, entries, versions: since } = holder
    if (since === undefined) return
    const follower = this.#bench.follow(query, { since }, { entries, versions: since })
    Object.assign(followed, { follower, query })
    await feed.close()
  }

  async #leave(index: number): Promise<void> {
    const followed = newest(this.#feeds, index)
    if (followed === undefined || followed.busy) return
    this.#feeds.splice(this.#feeds.indexOf(followed), 1)
    await followed.follower.feed.close()
  }

  /** Asks for what is not there yet: the next commit brings it. */
  #await({ how, query, feed }: Extract<Op, { do: 'await' }>): void {
    const bench = this.#bench
    if (this.#traffic.write === 0 || !bench.wrote) return
    const { next, store } = bench
    const since = this.#point(0)
    const followed = newest(this.#feeds, feed)
    const ask = async (): Promise<void> => {
      if (how === 'fetch') {
        const snapshot = await store.fetch(query, { min: next })
        bench.keep(query, snapshot, { min: next })
      } else if (how === 'changes') {
        const until = mergeVersions(since, next)
        this.#difference(query, since, await store.changes(query, { since, until }), until)
      } else if (followed !== undefined && !followed.busy) await this.#step(followed, next)
      this.#traffic.waited++
    }
    const wait = this.#unlessLost([since], this.#era, ask)
    this.#waits.add(wait)
    wait.then(
      () => this.#waits.delete(wait),
      () => undefined,
    )
  }

  #reopen(): Promise<void> {
    const open = async (): Promise<void> => {
      await this.#writing
      this.#era++
      for (const { follower } of this.#feeds) await follower.feed.close()
      const { model } = this.#bench
      await this.#bench.reopen(() => this.#verify())
      if (this.#bench.model === model) return
      this.#points = [this.#bench.latest]
      this.#made = []
    }
    const opening = this.#opening.then(open)
    this.#opening = opening.catch(() => undefined)
    return opening.then(() => this.#comeBack())
  }

  /** Those who held something before it was closed come back with it. */
  #comeBack(): void {
    for (const followed of this.#feeds) {
      const { query, entries, versions: since } = followed.follower.holder
      const options = since === undefined ? {} : { since }
      const start = since === undefined ? undefined : { entries, versions: since }
      const asked = since === undefined ? followed.query : query
      Object.assign(followed, { follower: this.#bench.follow(asked, options, start), query: asked, busy: false })
    }
  }

  #verify(): void {
    for (const check of this.#checks) if (check() !== false) this.#traffic.points++
    this.#checks = []
    this.#traffic.points += this.#bench.recheck()
  }

  /** Does what may find its points lost, where they are; or its store closed, where it was opened again. */
  async #unlessLost(points: readonly (Versions | undefined)[], era: number, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (isFanlightError(error, 'CLOSED') && era !== this.#era) return
      const lost = points.some((point) => point !== undefined && this.#isLost(point))
      if (!isFanlightError(error, 'LOST_IN_FOG') || !lost) throw error
    }
  }

  #isLost(point: Versions): boolean {
    const { oldest } = this.#bench.store
    return Object.entries(oldest).some(([source, version]) => (point[source] ?? Infinity) < version)
  }

  /** A point that was seen, counted from the newest. */
  #point(index: number): Versions {
    const { model } = this.#bench
    return this.#bench.present(model.canonical(newest(this.#points, index) ?? {}))
  }

  #changesOf(picks: readonly Pick[]): readonly Change[] {
    const bench = this.#bench
    const place = bench.place(picks[0]?.key ?? '')
    const chosen = new Map<string, Change>()
    for (const { key, gone, value } of picks) {
      if (bench.place(key) !== place) continue
      const put = (): Change => ({ key, value: bench.setup.values === undefined ? bench.value() : value })
      chosen.set(key, gone ? { key, gone: true } : put())
    }
    return [...chosen.values()]
  }
}

function newest<T>(list: readonly T[], index: number): T | undefined {
  return list[list.length - 1 - (index % Math.max(1, list.length))]
}

function keyOfEachPlace(bench: Bench): readonly string[] {
  const places = new Map(bench.pool.map((key) => [bench.place(key), key]))
  return [...places.values()]
}
