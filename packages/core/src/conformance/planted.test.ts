import { describe, expect, test } from 'vitest'
import { FanlightError } from '../errors.ts'
import { createMemoryStore } from '../memory/memory-store.ts'
import type {
  ChangesOptions,
  Change,
  CommitOptions,
  Entry,
  Feed,
  FetchOptions,
  Query,
  Snapshot,
  Store,
  Update,
  Versions,
} from '../store.ts'
import { mergeVersions } from '../versions.ts'
import { readonly } from '../wrappers/readonly.ts'
import { type Setup, checkRandomHistories } from './index.ts'
import { runScenario } from './part.ts'
import { parts } from './parts/index.ts'

/** A lie: the store with something of it replaced. */
type Lie = (store: Store) => Partial<Record<keyof Store, unknown>>

function lying(store: Store, lie: Lie): Store {
  const lies = lie(store)
  return new Proxy(store, {
    get(target, name) {
      if (Object.hasOwn(lies, name)) return Reflect.get(lies, name) as unknown
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  })
}

/** A store whose answers are changed before they are given. */
function answering(change: (snapshot: Snapshot, query: Query, store: Store) => Snapshot): Lie {
  return (store) => ({
    fetch: async (query: Query, options: FetchOptions) => change(await store.fetch(query, options), query, store),
  })
}

/** A store whose feeds change what is taken. */
function telling(change: (update: Update) => Update): Lie {
  return (store) => ({
    watch: (...args: Parameters<Store['watch']>) => {
      const feed: Feed = store.watch(...args)
      const take = (to?: Versions): unknown => {
        const update = feed.take(to)
        return update === undefined || update instanceof Promise ? update : change(update)
      }
      return lying(feed as unknown as Store, () => ({ take }) as Record<string, unknown>)
    },
  })
}

function committing(change: (commit: NonNullable<Store['commit']>) => (...args: never[]) => unknown): Lie {
  return (store) => ({
    commit: change((changes, options) => store.commit?.(changes, options) ?? Promise.reject(new Error('none'))),
  })
}

function moved(snapshot: Snapshot, from: number, to: number): Snapshot {
  const windows = Object.entries(snapshot.windows).map(
    ([source, window]) => [source, { from: Math.max(0, window.from + from), to: window.to + to }] as const,
  )
  const versions = Object.fromEntries(windows.map(([source, window]) => [source, window.to]))
  return { ...snapshot, windows: Object.fromEntries(windows), versions }
}

/** The trap of L1: the greatest version among the entries, which knows nothing of deletes nor of what a limit cut off. */
function fromOfEntries(snapshot: Snapshot): Snapshot {
  const from = Math.max(0, ...snapshot.entries.map(({ version = 0 }) => version))
  const windows = Object.fromEntries(Object.entries(snapshot.windows).map(([id, { to }]) => [id, { from, to }]))
  return { ...snapshot, windows }
}

function cached(widen: boolean): Lie {
  const answers = new Map<string, Snapshot>()
  return (store) => ({
    fetch: async (query: Query, options: FetchOptions) => {
      const id = JSON.stringify([query, store.sources])
      const found = answers.get(id) ?? (await store.fetch(query, options))
      answers.set(id, found)
      const [source = ''] = store.sources
      return widen ? moved(found, 0, (store.reached[source] ?? 0) - (found.versions[source] ?? 0)) : found
    },
  })
}

function byUnits(entries: readonly Entry[]): readonly Entry[] {
  return entries.toSorted((a, b) => (a.key < b.key ? -1 : 1))
}

const lies: Readonly<Record<string, readonly [Lie, RegExp]>> = {
  'a window that begins one version too early': [answering((snapshot) => moved(snapshot, -1, 0)), /^L1/],
  'a window that ends after what was reached': [answering((snapshot) => moved(snapshot, 0, 1)), /^L[19]/],
  'a window from the versions of the entries': [answering(fromOfEntries), /^L1/],
  'the order of JavaScript': [
    answering((snapshot, query) =>
      JSON.stringify(query).includes('reverse') ? snapshot : { ...snapshot, entries: byUnits(snapshot.entries) },
    ),
    /^"[^"]*" stands after/,
  ],
  'an answer without its last entry': [
    answering((snapshot) => ({ ...snapshot, entries: snapshot.entries.slice(0, -1) })),
    /^L1/,
  ],
  'an answer that is older than its min': [cached(false), /^L2/],
  'a cache that widens what it has': [cached(true), /^L[12]/],
  'a delete that is not told': [
    telling((update) => ({ ...update, changes: update.changes.filter(({ gone }) => gone !== true) })),
    /^L6/,
  ],
  'a step to another point than it says': [
    (store) => ({
      watch: (query: Query, options: object) =>
        lying(store.watch(query, options) as unknown as Store, (feed) => {
          return { take: () => (feed as unknown as Feed).take() } as Record<string, unknown>
        }),
    }),
    /^L6/,
  ],
  'a commit in two parts': [
    committing((commit) => async (changes: readonly Change[], options?: CommitOptions) => {
      if (changes.length > 1) await commit(changes.slice(0, 1))
      return commit(changes, options)
    }),
    /^(L1|L6|section 6)/,
  ],
  'a basis that is not heeded': [
    committing(
      (commit) => (changes: readonly Change[], options?: CommitOptions) =>
        commit(changes, { ...options, basis: undefined, guard: undefined }),
    ),
    /^section 6/,
  ],
  'a guard that is not heeded': [
    committing(
      (commit) => (changes: readonly Change[], options?: CommitOptions) =>
        commit(changes, { ...options, guard: undefined }),
    ),
    /^section 6/,
  ],
  'a retry that is applied again': [
    committing(
      (commit) => (changes: readonly Change[], options?: CommitOptions) =>
        commit(changes, { ...options, id: undefined }),
    ),
    /^section 6: a retry/,
  ],
  'progress ahead of its data': [
    (store) =>
      Object.defineProperty({}, 'reached', {
        get: () => Object.fromEntries(Object.entries(store.reached).map(([source, version]) => [source, version + 1])),
      }),
    /^(a commit got|L[19])/,
  ],
}

/** Lies that only a scenario looks for, with the title of one that must find it. */
const subtler: Readonly<Record<string, readonly [Lie, RegExp]>> = {
  'a holder that is told once and never again': [
    (store) => ({
      watch: (query: Query, options: object) =>
        lying(store.watch(query, options) as unknown as Store, (feed) => {
          let told = false
          const once = (callback: () => void) => (): void => {
            if (!told) callback()
            told = true
          }
          return { wake: (callback: () => void) => (feed as unknown as Feed).wake(once(callback)) } as Record<
            string,
            unknown
          >
        }),
    }),
    /the holder is told once, until it takes/,
  ],
  'a difference from before the horizon': [
    (store) => ({
      changes: (query: Query, options: ChangesOptions) =>
        store.changes(query, { ...options, since: mergeVersions(options.since, store.oldest) }),
    }),
    /before it are LOST_IN_FOG/,
  ],
  'a value that is mended': [
    committing((commit) => (changes: readonly Change[], options?: CommitOptions) => {
      const mend = (change: Change): Change => (Number.isNaN(change.value) ? { key: change.key, value: null } : change)
      return commit(changes.map(mend), options)
    }),
    /values that no one can carry/,
  ],
  'an error that does not say who is behind': [
    (store) => ({
      fetch: (query: Query, options?: FetchOptions) =>
        store.fetch(query, options).catch((error: FanlightError) => {
          throw error.code === 'STALLED' ? new FanlightError('STALLED', 'somebody is late') : error
        }),
    }),
    /ends with STALLED, which says who/,
  ],
  'a signal that is not heeded': [
    (store) => ({
      fetch: (query: Query, options?: FetchOptions) => store.fetch(query, { ...options, signal: undefined }),
    }),
    /a signal that was given before/,
  ],
}

describe('the suite finds what is planted', () => {
  for (const [name, [lie, law]] of Object.entries(lies)) {
    test(name, async () => {
      const setup: Setup = {
        create: ({ clock, random, history }) => lying(createMemoryStore({ clock, random, history }), lie),
      }
      await expect(checkRandomHistories(setup, { seed: 1, runs: 60, shrink: false })).rejects.toThrow(law)
    })
  }

  for (const [name, [lie, title]] of Object.entries(subtler)) {
    test(name, async () => {
      const setup: Setup = {
        create: ({ clock, random, history }) => lying(createMemoryStore({ clock, random, history }), lie),
      }
      const scenarios = parts.flatMap((part) => part.scenarios).filter((scenario) => title.test(scenario.title))
      expect(scenarios).toHaveLength(1)
      for (const scenario of scenarios) await expect(runScenario(setup, scenario)).rejects.toThrow()
    })
  }

  test('and finds nothing in a store that keeps the laws, the same with each run of a seed', async () => {
    const setup: Setup = { create: ({ clock, random, history }) => createMemoryStore({ clock, random, history }) }
    const traffic = await checkRandomHistories(setup, { seed: 1 })
    expect(traffic.points).toBeGreaterThan(500)
    expect(await checkRandomHistories(setup, { seed: 1 })).toEqual(traffic)
  })
})

test('a read-only store may give a version twice only where nothing changed', async () => {
  const inner = new WeakMap<Store, Store>()
  const setup: Setup<Store> = {
    create: () => {
      const store = createMemoryStore()
      const shown = readonly(store)
      inner.set(shown, store)
      return shown
    },
    write: async (store, changes) => {
      await inner.get(store)?.commit?.(changes)
      return { [store.sources[0] ?? '']: 1 }
    },
  }
  await expect(checkRandomHistories(setup, { runs: 20 })).rejects.toThrow('which is not after')
})
