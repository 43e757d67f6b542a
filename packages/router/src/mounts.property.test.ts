/** Mounts come and go, move and change under running feeds: what they hold is what a fetch gives at that very point. */
import {
  type Change,
  createMemoryStore,
  del,
  type Entry,
  type Feed,
  type MemoryStore,
  put,
  type Query,
  type Store,
  type Versions,
} from '@fanlight/core'
import { anyQuery, Holder } from '@fanlight/core/conformance'
import { readQuery, spansHave } from '@fanlight/core/kit'
import { lagging } from '@fanlight/core/testing'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRouter, type Router } from './index.ts'

const prefixes = ['', 'a/', 'a/b/', 'a/b/c/', 'b/', '😀/']
const rests = ['x', 'y', 'b/x', 'c/y', 'a/b/x', 'b/c/z']
const bounds = prefixes.flatMap((prefix) => [prefix, `${prefix}x`])

type Op =
  | { readonly do: 'write'; readonly store: number; readonly changes: readonly Change[] }
  | { readonly do: 'remount'; readonly mounts: readonly (readonly [string, number | undefined])[] }
  | { readonly do: 'move'; readonly from: string; readonly to: string }
  | { readonly do: 'lag'; readonly all: boolean }
  | { readonly do: 'watch'; readonly query: Query }
  | { readonly do: 'resume'; readonly feed: number }
  | { readonly do: 'setQuery'; readonly feed: number; readonly query: Query }
  | { readonly do: 'take'; readonly feed: number }

const change = fc
  .tuple(fc.constantFrom(...rests), fc.option(fc.nat({ max: 3 })))
  .map(([key, value]): Change => (value === null ? del(key) : put(key, value)))
const feed = fc.nat({ max: 4 })
const query = fc.oneof(fc.constant<Query>({}), anyQuery(bounds))
const store = fc.nat({ max: 4 })
const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      store,
      changes: fc.uniqueArray(change, { minLength: 1, maxLength: 3, selector: ({ key }) => key }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('remount' as const),
      mounts: fc.uniqueArray(fc.tuple(fc.constantFrom(...prefixes), fc.option(store, { nil: undefined })), {
        minLength: 1,
        maxLength: 2,
        selector: ([prefix]) => prefix,
      }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('move' as const),
      from: fc.constantFrom(...prefixes),
      to: fc.constantFrom(...prefixes),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lag' as const), all: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('watch' as const), query }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('resume' as const), feed }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('setQuery' as const), feed, query }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('take' as const), feed }) },
)

interface Followed {
  feed: Feed
  holder: Holder
}

const traffic = { replaced: 0, changed: 0, quiet: 0, resumed: 0 }

class Play {
  readonly #stores: readonly MemoryStore[] = [0, 1, 2, 3].map((i) => createMemoryStore({ name: `m${i}` }))
  /** The fourth store is seen twice: as it is, and through one that lags. */
  readonly #late = lagging<{ '': unknown }>(this.#stores[3] ?? createMemoryStore())
  readonly #router: Router
  readonly #feeds: Followed[] = []
  #mounted = new Map<string, Store>()

  constructor() {
    this.#mounted.set('a/', this.#store(0))
    this.#router = createRouter(Object.fromEntries(this.#mounted)) as Router
  }

  async run(op: Op): Promise<void> {
    switch (op.do) {
      case 'write':
        await this.#stores[op.store % 4]?.commit(op.changes)
        return
      case 'remount':
        return this.#remount(op.mounts.map(([prefix, i]) => [prefix, i === undefined ? undefined : this.#store(i)]))
      case 'move': {
        const from = this.#mounted.get(op.from)
        if (from !== undefined && !this.#mounted.has(op.to))
          this.#remount([
            [op.from, undefined],
            [op.to, from],
          ])
        return
      }
      case 'lag':
        return op.all ? this.#late.releaseAll() : this.#late.release()
      case 'watch':
        this.#feeds.push({ feed: this.#router.watch(op.query), holder: new Holder(op.query) })
        return
      case 'resume':
        return this.#resume(op.feed)
      case 'setQuery': {
        const followed = this.#followed(op.feed)
        followed?.holder.ask(op.query, followed.feed.setQuery(op.query))
        return
      }
      case 'take':
        return this.#take(this.#followed(op.feed))
    }
  }

  async finish(): Promise<void> {
    await this.#late.releaseAll()
    for (const followed of this.#feeds) {
      for (let i = 0; i < 3; i++) await this.#take(followed)
      expect(followed.feed.versions).toEqual(followed.feed.reached)
    }
    await this.#router.close()
  }

  #store(i: number): Store {
    return i === 4 ? this.#late : (this.#stores[i] ?? this.#late)
  }

  #followed(i: number): Followed | undefined {
    return this.#feeds[i % Math.max(1, this.#feeds.length)]
  }

  #remount(mounts: readonly (readonly [string, Store | undefined])[]): void {
    const known = mounts.filter(([prefix, store]) => store !== undefined || this.#mounted.has(prefix))
    this.#router.remount(Object.fromEntries(known))
    for (const [prefix, store] of known) {
      if (store === undefined) this.#mounted.delete(prefix)
      else this.#mounted.set(prefix, store)
    }
  }

  async #resume(i: number): Promise<void> {
    const followed = this.#followed(i)
    if (followed?.holder.versions === undefined) return
    const { query, entries, versions: since } = followed.holder
    await followed.feed.close()
    followed.feed = this.#router.watch(query, { since })
    followed.holder = new Holder(query, { entries, versions: since })
    traffic.resumed++
    await this.#take(followed)
  }

  /** Takes; a step may have to wait for the store that lags, which is let go then. */
  async #take(followed: Followed | undefined): Promise<void> {
    if (followed === undefined) return
    const { feed, holder } = followed
    let done = false
    const taken = Promise.resolve(feed.take()).finally(() => (done = true))
    for (let i = 0; !done && i < 50; i++) await Promise.resolve()
    for (let i = 0; !done; i++) {
      if (i > 500) throw new Error('L9: a take does not end, although every store has caught up')
      await this.#late.release()
    }
    const update = await taken
    if (update === undefined) holder.moved(feed.versions)
    else holder.apply(update)
    traffic[update === undefined ? 'quiet' : update.replace === undefined ? 'changed' : 'replaced']++
    await this.#compare(holder.query, holder.entries, holder.versions ?? {})
  }

  /** What is held at a point is the answer there, under the table of mounts of then. */
  async #compare(query: Query, held: readonly Entry[], at: Versions): Promise<void> {
    const { entries, windows } = await this.#router.fetch(query, { min: at, max: at })
    for (const [source, { from, to }] of Object.entries(windows)) {
      expect(at[source] ?? from).toBeGreaterThanOrEqual(from)
      expect(at[source] ?? to).toBeLessThanOrEqual(to)
    }
    const spans = readQuery(query)
    expect(held.every(({ key }) => spansHave(spans, key))).toBe(true)
    const shown = entries.map(({ key, value }) => [key, value])
    expect(held.map(({ key, value }) => [key, value])).toEqual(spans.reverse ? shown.toReversed() : shown)
  }
}

const runs = 150 * Number(process.env['FANLIGHT_RUNS'] ?? 1)

test(
  'L5, L6, L7: while mounts come and go, what a feed holds is the answer at its point',
  { timeout: 600_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(op, { minLength: 5, maxLength: 50, size: 'max' }), async (script) => {
        const play = new Play()
        for (const one of script) await play.run(one)
        await play.finish()
      }),
      { numRuns: runs, timeout: 60_000 },
    )
    for (const count of Object.values(traffic)) expect(count).toBeGreaterThan(10)
  },
)
