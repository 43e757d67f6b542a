import { type Change, type MemoryStore, type Store, createMemoryStore, key as keyOf } from '@fanlight/core'
import { type ConformanceSeams, type State, sameValue, storeConformance } from '@fanlight/core/conformance'
import { lagging } from '@fanlight/core/testing'
import * as fc from 'fast-check'
import { type ChangelogOptions, createChangelog } from '../index.ts'

/** At this key, which is not logged, the histories of the suite count their commits: a log is of more than a state. */
const counter = ''

interface Made {
  readonly raw: MemoryStore
  readonly seams: ConformanceSeams
  /** What was there after each commit. */
  readonly states: State[]
}

const made = new WeakMap<Store, Made>()
let last: readonly State[] = []

/** The records of a history of states, by the plainest look at each step. */
function logOf(states: readonly State[], { last: most = Infinity, commits = Infinity }: ChangelogOptions): State {
  const steps = states.flatMap((state, version) => {
    const before = states[version - 1] ?? new Map<string, unknown>()
    const keys = [...new Set([...before.keys(), ...state.keys()])].filter((key) => key !== counter)
    const changed = keys.filter((key) => !sameValue(before.get(key), state.get(key)))
    const record = (key: string): object =>
      state.has(key) ? { version, value: state.get(key) } : { version, gone: true }
    return changed.length === 0 ? [] : [changed.map((key) => ({ key, version, record: record(key) }))]
  })
  const records = steps.flat()
  const kept = new Set(steps.slice(-commits).flat())
  const shown = records.filter(
    (one) =>
      kept.has(one) && records.filter(({ key, version }) => key === one.key && version > one.version).length < most,
  )
  return new Map(shown.map(({ key, version, record }) => [keyOf(key, version), record]))
}

/** Where a state was not written, the suite asks what it would show. */
function expected(state: State, options: ChangelogOptions): State {
  const count = (state.get(counter) ?? 0) as number
  return logOf([...last.slice(0, count + 1), state], options)
}

function conformance(
  name: string,
  options: ChangelogOptions,
  make: (raw: MemoryStore, seams: ConformanceSeams) => Store = (raw, seams) =>
    createChangelog(raw, { query: { gt: counter }, ...options, ...seams }) as Store,
): void {
  storeConformance<Store>(name, {
    create: (seams) => {
      const raw = createMemoryStore({ clock: seams.clock, random: seams.random, name: 'raw' })
      const log = make(raw, seams)
      const states: State[] = [new Map()]
      made.set(log, { raw, seams, states })
      last = states
      return log
    },
    write: async (log, changes) => {
      const { raw, states } = made.get(log) as Made
      const count = states.length
      // The model hears of it too.
      const all = changes as Change[]
      all.push({ key: counter, value: count })
      const state = new Map(states[count - 1])
      for (const { key, value, gone } of all) {
        if (gone === true) state.delete(key)
        else state.set(key, value)
      }
      states.push(state)
      return raw.commit(all)
    },
    settle: async (log) => {
      const { raw, seams } = made.get(log) as Made
      const there = log.fetch([], { min: raw.reached })
      await seams.clock.advance(1_000)
      await there
    },
    expected: (state) => expected(state, options),
    keys: fc.constantFrom('a', 'b', 'c', 'd/e', 'd', '0', 'a!', '😀', '#', 'zz'),
    teardown: (log) => made.get(log)?.raw.close(),
    runs: 50,
  })
}

const delayMs = 20

conformance('a changelog of everything', {})

conformance('a changelog of the last two of each key', { last: 2 })

conformance('a changelog of the last of each key, of four commits', { last: 1, commits: 4 })

conformance('a changelog that lags', { last: 3, delayMs })

conformance(
  'a changelog of an upstream that lags',
  { commits: 4 },
  (raw, seams) =>
    createChangelog(lagging(raw, { delayMs, ...seams }), { query: { gt: counter }, commits: 4, ...seams }) as Store,
)

conformance(
  'a changelog kept in a store',
  { last: 2, commits: 5 },
  (raw, seams) =>
    createChangelog(raw, {
      query: { gt: counter },
      last: 2,
      commits: 5,
      into: createMemoryStore({ ...seams, name: 'into' }),
      ...seams,
    }) as Store,
)
