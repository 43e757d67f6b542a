import { expect, test } from 'vitest'
import type { FanlightError } from './errors.ts'
import { put } from './put.ts'
import { createVariable } from './variable.ts'

test('its owner sets and reads it at once; whoever has it as a store sees the same', async () => {
  const load = createVariable(0.25, { name: 'load' })
  expect(load.sources[0]).toMatch(/^load@/)
  expect(load.value).toBe(0.25)
  const feed = load.watch('')
  await feed.take()
  let rings = 0
  feed.wake(() => rings++)
  const versions = load.set(0.5)
  expect(load.value).toBe(0.5)
  expect(load.reached).toEqual(versions)
  expect(rings).toBe(1)
  expect((await load.fetch('')).entries.map(({ value }) => value)).toEqual([0.5])
  await load.commit([put('', 0.75)])
  expect(load.value).toBe(0.75)
})

test('it may hold nothing', async () => {
  const name = createVariable<string>()
  expect(name.value).toBeUndefined()
  expect((await name.fetch({})).entries).toEqual([])
  name.set('Ann')
  expect(name.value).toBe('Ann')
  name.set(undefined)
  expect(name.value).toBeUndefined()
  const { entries } = await name.fetch('', { max: { [name.sources[0] ?? '']: 1 } })
  expect(entries[0]?.value).toBe('Ann')
})

test('it has one key, takes values only, and ends when it is closed', async () => {
  const variable = createVariable<unknown>(1)
  const refused = (await variable.commit([put('a', 1)]).catch((error: unknown) => error)) as FanlightError
  expect(refused).toMatchObject({ code: 'BAD_KEY', applied: 'no', keys: ['a'] })
  expect(() => variable.set(Number.NaN)).toThrow(expect.objectContaining({ code: 'BAD_VALUE' }) as Error)
  expect(() => createVariable(() => 1)).toThrow(expect.objectContaining({ code: 'BAD_VALUE' }) as Error)
  expect(variable.value).toBe(1)
  await variable.close()
  expect(() => variable.set(2)).toThrow(expect.objectContaining({ code: 'CLOSED' }) as Error)
})
