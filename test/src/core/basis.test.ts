import { createMemoryStore, get, put, transact } from '@fanlight/core'
import { createRouter } from '@fanlight/router'
import { expect, test } from 'vitest'

test('section 6: over a router, a basis of one store says nothing of another, and a transaction writes there all the same', async () => {
  const one = createMemoryStore<{ '': number }>({ name: 'one' })
  const two = createMemoryStore<{ '': number }>({ name: 'two' })
  const app = createRouter({ 'one/': one, 'two/': two })
  await app.commit([put('one/a', 1)])
  await app.commit([put('two/b', 1)])
  const { versions: basis } = await app.fetch('one/a')
  await expect(app.commit([put('two/b', 2)], { basis })).rejects.toMatchObject({
    code: 'CONFLICT',
    keys: ['two/b'],
    applied: 'no',
  })
  await app.commit([put('two/c', 2)], { basis })
  await transact(app, async (tx) => {
    const [entry] = await tx.unguarded('one/a')
    tx.put('two/b', (entry?.value ?? 0) + 10)
  })
  expect(await get(app, 'two/b')).toBe(11)
  await app.close()
})
