import { expect, test } from 'vitest'
import { type FanlightError, type MemoryStore, createMemoryStore, put } from './index.ts'

/** Errors that must tell what to do, and where they come from. */
const told: readonly [
  what: string,
  fails: (store: MemoryStore, source: string) => Promise<unknown>,
  facts: (source: string) => Partial<FanlightError>,
  advice: RegExp,
][] = [
  [
    'an id with other content',
    async (store) => {
      const id = { session: 's', number: 1, born: store.reached }
      await store.commit([put('a', 1)], { id })
      await store.commit([put('a', 2)], { id })
    },
    () => ({ code: 'BAD_QUERY', store: 'memory', applied: 'no' }),
    /number each commit once/,
  ],
  [
    'a commit born elsewhere',
    (store) => store.commit([put('a', 1)], { id: { session: 's', number: 1, born: { 'other@1': 1 } } }),
    (source) => ({ code: 'SOURCE_RESET', source, applied: 'unknown' }),
    /read, and commit anew/,
  ],
  [
    'a signal',
    (store) => store.fetch('a', { signal: AbortSignal.abort() }),
    () => ({ code: 'ABORTED', store: 'memory' }),
    /call again/,
  ],
  [
    'a function',
    (store) => store.commit([put('a', () => 1)]),
    () => ({ code: 'BAD_VALUE' }),
    /a function is no value: leave the member out/,
  ],
  [
    'a wait that `older` does not spare',
    (store, source) => store.fetch('a', { min: { [source]: 9 }, stall: 'fail' }),
    (source) => ({ code: 'STALLED', store: 'memory', source }),
    /^(?!.*older).*wait longer/,
  ],
  [
    'a lost `since`',
    (store, source) => store.changes('a', { since: { [source]: 0 } }),
    (source) => ({ code: 'LOST_IN_FOG', store: 'memory', source }),
    /fetch without it/,
  ],
  [
    'a lost `max`',
    (store, source) => store.fetch('a', { max: { [source]: 0 } }),
    (source) => ({ code: 'LOST_IN_FOG', store: 'memory', source }),
    /fetch without it/,
  ],
]

test.each(told)(
  'section 8: %s: the error says what to do, and names its place',
  async (_what, fails, facts, advice) => {
    const store = createMemoryStore({ history: { commits: 2 } })
    const [source = ''] = store.sources
    for (const n of [1, 2, 3]) await store.commit([put('b', n)])
    const error = await fails(store, source).catch((e: unknown) => e)
    expect(error).toMatchObject(facts(source))
    expect((error as Error).message).toMatch(advice)
  },
)
