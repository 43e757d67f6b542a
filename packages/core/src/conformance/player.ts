import type { Entry, Query, SourceId, Update, Versions, Window } from '../store.ts'
import { breathe } from '../testing/turns.ts'
import { mergeVersions } from '../versions.ts'
import type { Bench } from './bench.ts'
import { ensure, show } from './check.ts'
import type { Follower } from './follower.ts'
import { Holder } from './holder.ts'
import type { Op } from './script.ts'
import { type Traffic, World, newest } from './world.ts'
import { Writer } from './writer.ts'

interface Followed {
  follower: Follower
  /** What it follows: its holder learns of it with the update that answers it. */
  query: Query
  /** Whether a take is under way. */
  busy: boolean
}

/** Plays scripts on a store. */
export class Player {
  readonly #world: World
  readonly #bench: Bench
  readonly #writer: Writer
  readonly #waits = new Set<Promise<void>>()
  readonly #feeds: Followed[] = []
  #opening: Promise<void> = Promise.resolve()

  constructor(bench: Bench, traffic: Traffic) {
    this.#bench = bench
    this.#world = new World(bench, traffic)
    this.#writer = new Writer(this.#world)
  }

  /** Does one thing. What it waits for may end later. */
  async run(op: Op): Promise<void> {
    this.#world.traffic[op.do]++
    // At once, so that whoever comes after it waits for it.
    if (op.do === 'reopen') return this.#reopen()
    await this.#opened()
    if (op.do === 'write') return this.#writer.write(op)
    if (op.do === 'retry') return this.#writer.retry(op.commit)
    if (op.do === 'fetch') return this.#fetch(op.query, op.min, op.max)
    if (op.do === 'changes') return this.#changes(op.query, op.since, op.until)
    if (op.do === 'watch') return void this.#follow(op.query)
    if (op.do === 'take') return this.#take(op.feed, op.to)
    if (op.do === 'setQuery') return this.#setQuery(op.feed, op.query)
    if (op.do === 'resume') return this.#resume(op.feed)
    if (op.do === 'leave') return this.#leave(op.feed)
    if (op.do === 'await') return this.#await(op)
    if (op.do === 'settle') return this.#world.unlessLost([], () => this.#bench.settle())
    return this.#bench.clock.advance(op.ms)
  }

  /** Ends all waits, and checks everything. */
  async finish(): Promise<void> {
    const bench = this.#bench
    await this.#opened()
    await bench.ended(this.#writer.ended, 'the end of all commits')
    for (let round = 0; round < 3 && (round === 0 || this.#waits.size > 0); round++) {
      const places = new Map(bench.pool.map((key) => [bench.place(key), key]))
      for (const key of places.values()) await bench.write({ key, value: bench.value() })
      await breathe()
    }
    await bench.ended(Promise.all(this.#waits), 'the end of all waits')
    for (const { follower, busy } of this.#feeds) {
      if (busy) continue
      await bench.ended(follower.catchUp(), 'the last step of a feed')
      await follower.feed.close()
    }
    await bench.fetch({})
    this.#world.verify()
  }

  async #fetch(query: Query, low: number | undefined, high: number | undefined): Promise<void> {
    const world = this.#world
    const min = low === undefined ? undefined : world.point(low)
    const found = high === undefined ? undefined : world.point(high)
    const max = min === undefined || found === undefined ? found : mergeVersions(min, found)
    const { era } = world
    await world.unlessLost([max], async () => {
      const snapshot = await this.#bench.store.fetch(query, { min, max })
      if (era !== world.era) return
      this.#bench.keep(query, snapshot, { min, max })
      world.saw(snapshot.versions)
    })
  }

  async #changes(query: Query, low: number, high: number | undefined): Promise<void> {
    const since = this.#world.whole(low)
    const until = high === undefined ? undefined : mergeVersions(since, this.#world.point(high))
    const { store } = this.#bench
    await this.#world.unlessLost([since, until], async () => {
      this.#difference(query, since, await store.changes(query, { since, until }), until)
    })
  }

  /** A difference leads from the answer at `since` to that at the point it names. */
  #difference(query: Query, since: Versions, update: Update, until: Versions = {}): void {
    for (const [source, version] of Object.entries(until)) {
      const at = update.versions[source]
      ensure(at === undefined || at === version, () => `until ${show(until)}, but it went to ${show(update.versions)}`)
    }
    const { model } = this.#bench
    this.#world.later(() => {
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
    const { query, entries } = holder
    // Where nothing touched its ranges, the point that it holds has moved on by itself (L9).
    // One that came back to a store which is not what it was holds nothing there.
    const held = Object.keys(this.#bench.store.oldest).every((source) => source in feed.versions)
    const current = held && holder.versions !== undefined && query === followed.query
    if (current) this.#held(new Holder(query, { entries, versions: feed.versions }))
    const to = wanted === undefined ? undefined : this.#world.point(wanted)
    if (to !== undefined && !Object.entries(to).every(([source, at]) => at >= (feed.versions[source] ?? 0))) return
    await this.#step(followed, to)
  }

  async #step(followed: Followed, to: Versions | undefined): Promise<void> {
    const { follower } = followed
    const { versions: before } = follower.holder
    followed.busy = true
    await this.#world.unlessLost([to], async () => {
      const update = await follower.feed.take(to)
      this.#world.traffic[update === undefined ? 'quiet' : 'steps']++
      follower.accept(update, to)
      const { query, entries, versions = {} } = follower.holder
      this.#world.saw(versions)
      this.#held(new Holder(query, { entries, versions }))
      if (update === undefined && before !== undefined) this.#heldBetween(query, entries, before, versions)
    })
    if (followed.follower === follower) followed.busy = false
  }

  /** Where a feed says nothing, nothing touched it: what is held was the answer all the time (L9). */
  #heldBetween(query: Query, entries: readonly Entry[], from: Versions, to: Versions): void {
    const { model, setup } = this.#bench
    const moved = Object.keys(to).filter((source) => (from[source] ?? to[source]) !== to[source])
    // Where entries are made of several sources, nobody knows what was beside the way that the feed took.
    if (setup.mixes === true && moved.length > 1) return
    const windows: Record<SourceId, Window> = {}
    for (const source in to) windows[source] = { from: from[source] ?? to[source] ?? 0, to: to[source] ?? 0 }
    this.#world.later(() => {
      const points = model.pointsIn(windows)
      for (const versions of points) new Holder(query, { entries, versions }).check(model)
      return points.length > 0
    })
  }

  #held(holder: Holder): void {
    const { model } = this.#bench
    this.#world.later(() => holder.check(model))
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
    if (followed === undefined || followed.busy || followed.follower.holder.versions === undefined) return
    const { feed } = followed.follower
    this.#comeBack(followed)
    await feed.close()
  }

  #comeBack(followed: Followed): void {
    const { query, entries, versions: since } = followed.follower.holder
    const again =
      since === undefined
        ? { follower: this.#bench.follow(followed.query), query: followed.query }
        : { follower: this.#bench.follow(query, { since }, { entries, versions: since }), query }
    Object.assign(followed, again, { busy: false })
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
    if (!bench.wrote) return
    const { next, store } = bench
    const since = this.#world.whole(0)
    const followed = newest(this.#feeds, feed)
    const ask = async (): Promise<void> => {
      if (how === 'fetch') {
        const snapshot = await store.fetch(query, { min: next })
        bench.keep(query, snapshot, { min: next })
      } else if (how === 'changes') {
        const until = mergeVersions(since, next)
        this.#difference(query, since, await store.changes(query, { since, until }), until)
      } else if (followed !== undefined && !followed.busy) await this.#step(followed, next)
      this.#world.traffic.waited++
    }
    const wait = this.#world.unlessLost([since], ask)
    this.#waits.add(wait)
    wait.then(
      () => this.#waits.delete(wait),
      () => undefined,
    )
  }

  /** Waits until nobody opens the store anew, nor waits to do so. */
  async #opened(): Promise<void> {
    for (let opening: Promise<void> | undefined; opening !== this.#opening;) await (opening = this.#opening)
  }

  #reopen(): Promise<void> {
    const opening = this.#opening.then(async () => {
      await this.#writer.ended
      const leave = async (): Promise<void> => {
        for (const { follower } of this.#feeds) await follower.feed.close()
      }
      if (!(await this.#world.reopen(leave))) this.#writer.forget()
    })
    this.#opening = opening.catch(() => undefined)
    return opening.then(() => {
      for (const followed of this.#feeds) this.#comeBack(followed)
    })
  }
}
