import {
  type Store,
  createMemoryStore,
  createSession,
  del,
  everything,
  live,
  mirror,
  prefix,
  prefixed,
  put,
  readonly,
} from '@fanlight/core'
import { createRouter } from '@fanlight/router'
import { createView } from '@fanlight/views'
import { expect, test } from 'vitest'

const plain = (entries: Iterable<{ readonly key: string; readonly value: unknown }>): [string, unknown][] =>
  Array.from(entries, ({ key, value }) => [key, value])

test('L6, L8: whoever follows a store that tells the answer in place of what changed holds that answer', async () => {
  const raw = createMemoryStore({ name: 'raw' }) as Store
  const copy = createMemoryStore({ name: 'copy' })
  const map = new Map<string, unknown>()
  const keys = Array.from({ length: 2_000 }, (_, n) => `${n % 2 === 0 ? 'a' : 'b'}/${n}`)
  await raw.commit?.(keys.map((key) => put(key, 1)))
  const session = createSession(raw)
  const router = createRouter({ 'raw/': raw, 'again/': raw, 'other/': createMemoryStore({ name: 'other' }) })
  const mirrors = [mirror(raw, everything, map), mirror(raw, everything, copy, { prefix: 'of raw/' })]
  const lists = [
    [live(raw, everything), ''],
    [live(session, everything), ''],
    [live(readonly(raw), [{ reverse: true }]), ''],
    [live(prefixed(raw, 'a/'), everything), 'a/'],
    [live(router, prefix('raw/')), 'raw/'],
    [live(router, { gte: 'raw/', limit: 1_500 }), 'raw/'],
    [live(createView(raw, { map: (entry) => entry }), everything), ''],
    [
      live(
        createView(raw, { map: (entry) => entry, into: createMemoryStore({ name: 'into' }), definition: 'same' }),
        everything,
      ),
      '',
    ],
  ] as const
  for (const one of mirrors) await one.settled()
  const since = raw.reached
  await raw.commit?.(keys.slice(20).map(del))
  for (const one of mirrors) await one.settled()
  const { entries } = await raw.fetch(everything)
  expect((await raw.changes(everything, { since })).replace?.entries).toHaveLength(20)
  const min = raw.reached
  for (const [list, start] of lists) {
    while (Object.entries(min).some(([source, version]) => (list.versions[source] ?? -1) < version))
      await new Promise((resolve) => setTimeout(resolve, 1))
    const shown = plain(entries).filter(([key]) => start !== 'a/' || key.startsWith('a/'))
    const expected = shown.map(([key, value]) => [start === 'a/' ? key.slice(2) : start + key, value])
    expect(plain(list.value ?? []).sort(([a], [b]) => (a < b ? -1 : 1))).toEqual(expected)
    await list.close()
  }
  expect([...map].sort(([a], [b]) => (a < b ? -1 : 1))).toEqual(plain(entries))
  expect(plain((await copy.fetch(prefix('of raw/'))).entries)).toEqual(
    plain(entries).map(([key, value]) => [`of raw/${key}`, value]),
  )
  for (const one of mirrors) await one.close()
  await router.close()
})
