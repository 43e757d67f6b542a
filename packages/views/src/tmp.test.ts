import { createMemoryStore, put } from '@fanlight/core'
import { it } from 'vitest'
import { createView, type MapFunction } from './index.ts'
const tangled: MapFunction = ({ key, value }) => {
  const size = typeof value === 'object' && value !== null && 'n' in value ? Number(value.n) : 0
  const own = { key: `${size % 3}`, value: { of: key, size } }
  if (size % 4 === 0) return undefined
  return size % 4 === 1 ? own : new Set([own, { key: [...key][0] ?? '', value }])
}
it('x', async () => {
  const raw = createMemoryStore({ name: 'raw' })
  const view = createView(raw, { map: tangled })
  console.log(await view.fetch({}))
  for (let i = 0; i < 20; i++) {
  const a = await raw.commit([put('a'+i%3, {n: i})])
  await view.fetch([], { min: a })
  }
  console.log((await view.fetch({})).entries, view.state)
}, 3000)
