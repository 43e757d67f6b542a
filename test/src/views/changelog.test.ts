import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Store, createMemoryStore, del, key, prefix, put } from '@fanlight/core'
import { createRouter } from '@fanlight/router'
import { openLevelStore } from '@fanlight/store-level'
import { createChangelog } from '@fanlight/views'
import { expect, test } from 'vitest'

test('L3: beside its store in a router it agrees with it', async () => {
  const users = createMemoryStore()
  const app = createRouter({ 'users/': users, 'log/': createChangelog(users, { last: 1, delayMs: 5 }) }) as Store
  for (let i = 1; i <= 20; i++) {
    await users.commit([put('a', i)])
    const { entries } = await app.fetch([prefix('log/'), prefix('users/')])
    expect(entries).toMatchObject([
      { key: `log/${key('a', i)}`, value: { version: i, value: i } },
      { key: 'users/a', value: i },
    ])
  }
  await app.close()
})

test('of several sources it is refused: nobody can say which commit was first', () => {
  const app = createRouter({ 'a/': createMemoryStore(), 'b/': createMemoryStore() })
  expect(() => createChangelog(app)).toThrow(expect.objectContaining({ code: 'BAD_QUERY' }))
})

test('L7: kept on disk, it goes on over a store that was opened again, as the same log', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fanlight-changelog-'))
  const open = async (): Promise<[users: Store, into: Store, log: Store]> => {
    const users = (await openLevelStore(join(folder, 'users'))) as Store
    const into = (await openLevelStore(join(folder, 'log'))) as Store
    return [users, into, createChangelog(users, { into, last: 3 }) as Store]
  }
  const seen: unknown[] = []
  const sources = new Set<string | undefined>()
  for (const name of ['Ann', 'Anna', 'Anne']) {
    const [users, into, log] = await open()
    const min = await users.commit?.([
      put('7', name),
      put('8', name),
      ...(name === 'Anne' ? [del('9')] : [put('9', 1)]),
    ])
    const { entries } = await log.fetch(prefix(`${key('7')}/`), { min })
    seen.push(entries.map(({ value }) => (value as { value: unknown }).value))
    sources.add(log.sources.find((source) => source.startsWith('changelog@')))
    for (const store of [log, users, into]) await store.close()
    const late = (await openLevelStore(join(folder, 'users'))) as Store
    await late.commit?.([put('8', `${name}!`)])
    await late.close()
  }
  expect(seen).toEqual([['Ann'], ['Ann', 'Anna'], ['Ann', 'Anna', 'Anne']])
  expect(sources.size).toBe(1)
  const [users, into, log] = await open()
  const { entries } = await log.fetch({}, { min: users.reached })
  const texts = entries.map(({ value }) => (value as { value: unknown }).value)
  expect(texts).toEqual(['Ann', 'Anna', 'Anne', 'Anna!', 'Anne', 'Anne!', 1, undefined])
  for (const store of [log, users, into]) await store.close()
  await rm(folder, { recursive: true })
})
