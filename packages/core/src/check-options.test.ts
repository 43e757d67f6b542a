import { describe, expect, test } from 'vitest'
import {
  type Driver,
  createMemoryStore,
  createSession,
  createVariable,
  defineStore,
  mirror,
  readonly,
  transact,
} from './index.ts'
import { checkOption } from './check-options.ts'

const wrong = (value: unknown): never => value as never
const driver: Driver = { name: 'd', read: () => ({ entries: [] }), listen: () => () => undefined }
const ahead = (store: { sources: readonly string[] }): object => ({ min: { [store.sources[0] ?? '']: 9 } })

/** Calls that are refused, and what the message must name. */
const refused: readonly [call: string, names: string, () => unknown][] = [
  ['limits', 'limits.timeoutMs', () => createMemoryStore({ limits: { timeoutMs: Number.NaN } })],
  ['limits', 'limits.feeds', () => createMemoryStore({ limits: { feeds: 1.5 } })],
  ['limits', 'limits', () => createMemoryStore({ limits: wrong(1) })],
  ['limits', 'limits.valueDepth', () => createVariable(1, { limits: { valueDepth: -1 } })],
  ['onEvent', 'onEvent', () => createMemoryStore({ onEvent: wrong('log') })],
  ['name', 'name', () => createMemoryStore({ name: wrong(5) })],
  ['history', 'history.commits', () => createMemoryStore({ history: { commits: Number.NaN } })],
  ['history', 'history.commits', () => createMemoryStore({ history: { commits: -1 } })],
  ['history', 'history.bytes', () => createMemoryStore({ history: { bytes: wrong('1') } })],
  ['history', 'history', () => createMemoryStore({ history: wrong('all') })],
  ['history', 'history', () => createMemoryStore({ history: wrong(null) })],
  ['a wait', 'stall', () => createMemoryStore().watch('a', { stall: wrong('bogus') })],
  ['a session', 'retries', () => createSession(createMemoryStore(), { retries: -1 })],
  ['a session', 'retryMs', () => createSession(createMemoryStore(), { retryMs: Number.NaN })],
  ['transact', 'retryMs', () => transact(createMemoryStore(), () => 1, { retryMs: -1 })],
  ['mirror', 'retryMsMax', () => mirror(createMemoryStore(), 'a', new Map(), { retryMsMax: Number.NaN })],
  ['mirror', 'a mirror writes into', () => mirror(createMemoryStore(), 'a', wrong(null))],
  ['mirror', 'a mirror writes into', () => mirror(createMemoryStore(), 'a', wrong('b'))],
  ['changes', 'since', () => createMemoryStore().changes('a', wrong(undefined))],
  ['changes', 'since', () => createMemoryStore().changes('a', wrong(null))],
  ['changes', 'since', () => createMemoryStore().changes('a', wrong({}))],
  ['changes', 'since', () => readonly(createMemoryStore()).changes('a', wrong(undefined))],
  ['changes', 'since', () => createSession(createMemoryStore()).changes('a', wrong(undefined))],
  ['defineStore', 'limits.waits', () => defineStore(driver, { limits: { waits: -1 } })],
  ['defineStore', 'history.ageMs', () => defineStore(driver, { history: { ageMs: -1 } })],
  ['defineStore', 'not null', () => defineStore(wrong(null))],
  ['defineStore', 'not undefined', () => defineStore(wrong(undefined))],
  ['defineStore', 'not a driver', () => defineStore(wrong('a driver'))],
  ['defineStore', '`name`', () => defineStore(wrong({}))],
  ['defineStore', '`read`', () => defineStore(wrong({ name: 'd' }))],
  ['defineStore', '`listen`', () => defineStore(wrong({ name: 'd', read: () => undefined }))],
  ['defineStore', '`write`', () => defineStore(wrong({ ...driver, write: true }))],
]

async function refusal(call: () => unknown): Promise<unknown> {
  try {
    return await call()
  } catch (error) {
    return error
  }
}

describe('section 8: an option out of its range is BAD_QUERY, and the message names it', () => {
  test.each(refused)('%s: %s', async (_call, names, call) => {
    const error = await refusal(call)
    expect(error).toMatchObject({ code: 'BAD_QUERY', message: expect.stringContaining(names) as unknown })
  })

  test.each([{ stall: 'bogus' }, { timeoutMs: Number.NaN }, { timeoutMs: -1 }, { timeoutMs: '1' }])(
    '%j, where an asker waits',
    async (options) => {
      const store = createMemoryStore()
      const [name = ''] = Object.keys(options)
      const error = { code: 'BAD_QUERY', message: expect.stringContaining(name) as unknown }
      await expect(store.fetch('a', { ...ahead(store), ...(options as object) })).rejects.toMatchObject(error)
    },
  )

  test('what is in its range is taken', () => {
    for (const value of [0, 1.5, Infinity]) checkOption('a', value, 'amount')
    for (const value of [0, 7, Infinity]) checkOption('a', value, 'count')
    checkOption('a', 'x', ['x', 'y'])
    checkOption('a', () => 1, 'function')
    expect(() => checkOption('a', 'z', ['x', 'y'])).toThrow('a must be one of "x", "y", not "z"')
  })
})
