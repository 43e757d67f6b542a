import { type Store, createMemoryStore, del, put } from '@fanlight/core'
import { Holder } from '@fanlight/core/conformance'
import { turns } from '@fanlight/core/testing'
import { createRouter } from '@fanlight/router'
import { createView } from '@fanlight/views'
import { expect, test } from 'vitest'

test('L6: what commits to two stores leave as it is each after the other may be otherwise where one of them was alone', async () => {
  const left = createMemoryStore({ name: 'left' })
  const right = createMemoryStore({ name: 'right' })
  const upstream = createRouter({ 'l/': left, 'r/': right }) as Store
  const view = createView(upstream, { map: () => ({ key: 'any', value: true }) })
  await left.commit([put('a', 1)])
  const feed = view.watch('any', { min: left.reached })
  const holder = new Holder('any')
  const first = await feed.take()
  if (first !== undefined) holder.apply(first)
  expect(holder.entries).toEqual([{ key: 'any', value: true }])
  const from = right.reached
  // The one comes, then the other goes: at each step of the view there is one.
  await right.commit([put('a', 1)])
  await turns()
  await left.commit([del('a')])
  await turns()
  // Before the one came there was none.
  const point = { ...left.reached, ...from }
  const update = await feed.take(point)
  if (update !== undefined) holder.apply(update)
  expect(holder.entries).toEqual([])
  expect((await view.fetch('any', { min: point, max: point })).entries).toEqual([])
  const next = await feed.take()
  if (next !== undefined) holder.apply(next)
  expect(holder.entries).toEqual([{ key: 'any', value: true }])
  await view.close()
})
