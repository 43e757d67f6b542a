import { createMemoryStore, everything, FanlightError, type MemoryStore, put, type Store } from '@fanlight/core'
import { connect, type Remote } from '@fanlight/client-browser'
import { type ManualClock, manualClock, seededRandom } from '@fanlight/core/testing'
import { CloseCode, Kind } from '@fanlight/protocol'
import { createRouter } from '@fanlight/router'
import { beforeEach, describe, expect, test } from 'vitest'
import { simulate, type Simulated, type SimulatedOptions } from './simulated.ts'
import { Spoken } from './spoken.ts'

let clock: ManualClock
let store: MemoryStore
let source: string

beforeEach(() => {
  clock = manualClock()
  store = createMemoryStore({ name: 'served', clock, random: seededRandom(1) })
  source = store.sources[0] ?? ''
})

function serving(options: Partial<SimulatedOptions> = {}, served: Store<object> = store): Simulated {
  return simulate(served, { clock, random: seededRandom(2), ...options })
}

/** Dials, and is welcomed. */
async function welcomed(server: Simulated): Promise<Spoken> {
  const spoken = new Spoken(server.dial('ws://simulated/'))
  await clock.advance(50)
  expect(spoken.heard(Kind.welcome)).toHaveLength(1)
  return spoken
}

/** The store, of which what changed must be asked for, over another wire: that takes a while. */
async function slow(): Promise<Remote> {
  const connecting = connect('ws://simulated/', { clock, random: seededRandom(3), dial: serving().dial, steps: 0 })
  await clock.advance(100)
  return connecting
}

/** A fetch that waits until the store has come to a version. */
function waiting(id: number, version: number, timeoutMs: number | null = null): unknown {
  return [Kind.fetch, id, 'a', { [source]: version }, null, 'wait', timeoutMs]
}

describe('what is under way', () => {
  test('TOO_MANY, L8: so many requests at once, and not one more; one that ends makes room', async () => {
    const spoken = await welcomed(serving({ limits: { requests: 2 } }))
    spoken.says(waiting(0, 9), waiting(1, 9), waiting(2, 9))
    await clock.advance(50)
    expect(spoken.heard(Kind.failed)).toMatchObject([[Kind.failed, 2, { code: 'TOO_MANY', applied: 'no' }]])
    spoken.says([Kind.cancel, 0])
    await clock.advance(50)
    spoken.says(waiting(3, 9))
    await clock.advance(50)
    expect(spoken.heard(Kind.failed).map(([, id, { code }]) => [id, code])).toEqual([
      [2, 'TOO_MANY'],
      [0, 'ABORTED'],
    ])
  })

  test('L9: what one cancelled does not end what is asked next', async () => {
    const spoken = await welcomed(serving())
    spoken.says(waiting(0, 1), [Kind.cancel, 0])
    await clock.advance(50)
    spoken.says(waiting(1, 1))
    await clock.advance(50)
    await store.commit([put('a', 1)])
    await clock.advance(50)
    expect(spoken.heard(Kind.failed).map(([, id, { code }]) => [id, code])).toEqual([[0, 'ABORTED']])
    expect(spoken.heard(Kind.answer, 1)).toHaveLength(1)
  })

  test('L3: an id is in use until the last piece of its answer is sent', async () => {
    await store.commit(Array.from({ length: 20 }, (_, i) => put(`k${i}`, 'x'.repeat(50_000))))
    const fetch = [Kind.fetch, 0, everything, null, null, null, null]
    const patient = await welcomed(serving())
    patient.says(fetch)
    await clock.advance(200)
    expect(patient.heard(Kind.part, 0).flatMap(([, , entries]) => entries)).toHaveLength(20)
    patient.says(fetch)
    await clock.advance(200)
    expect(patient.heard(Kind.answer, 0)).toHaveLength(2)
    // The pieces of two answers under one id could not be told from each other.
    const hasty = await welcomed(serving())
    hasty.says(fetch, fetch)
    await clock.advance(200)
    expect(hasty.endedWith).toBe(CloseCode.badFrame)
  })

  test('L9: STALLED in the time that the server has, however patient the asker is', async () => {
    const spoken = await welcomed(serving({ limits: { timeoutMs: 100 } }))
    spoken.says(waiting(0, 9, 1_000_000), waiting(1, 9))
    await clock.advance(1_000)
    expect(spoken.heard(Kind.failed).map(([, id, { code }]) => [id, code])).toEqual([
      [0, 'STALLED'],
      [1, 'STALLED'],
    ])
  })
})

describe('what is told, and in which order', () => {
  test('L2: who commits is told the step that shows it, and then that it is done', async () => {
    const spoken = await welcomed(serving())
    spoken.says([Kind.watch, 0, everything, null])
    await clock.advance(200)
    spoken.said.length = 0
    for (let i = 1; i <= 3; i++) {
      spoken.says([Kind.commit, i, [['a', i]], null, null, null])
      await clock.advance(200)
    }
    const kinds = spoken.said.map(([kind]) => kind)
    expect(kinds).toEqual([1, 2, 3].flatMap(() => [Kind.update, Kind.step, Kind.committed]))
  })

  test('L5: a step is no newer than what was taken for it, also where the store went on meanwhile', async () => {
    const remote = await slow()
    const spoken = await welcomed(serving({}, remote))
    spoken.says([Kind.watch, 0, 'a', null])
    await clock.advance(200)
    for (let i = 1; i <= 100; i++) {
      await store.commit([put('a', i)])
      await clock.advance(2)
    }
    await clock.advance(1_000)
    let value: unknown = 0
    let steps = 0
    for (const one of spoken.said) {
      if (one[0] === Kind.update) value = one[3][1][0]?.[1] ?? value
      if (one[0] !== Kind.step) continue
      // Each version has its own value.
      expect(one[1]).toEqual({ [source]: value })
      steps++
    }
    expect([value, steps > 10]).toEqual([100, true])
    await remote.close()
  })

  test('L6: an id that is used for another query is told nothing of the one before', async () => {
    await store.commit([put('a', 'of a'), put('b', 'of b')])
    const remote = await slow()
    const spoken = await welcomed(serving({ delayMs: 0 }, remote))
    spoken.says([Kind.watch, 0, 'a', null])
    await clock.advance(1)
    expect(spoken.heard(Kind.update)).toEqual([])
    spoken.says([Kind.unwatch, 0], [Kind.watch, 0, 'b', null])
    await clock.advance(1_000)
    const entries = spoken.heard(Kind.update, 0).map(([, , , [replaced]]) => replaced?.[1])
    expect(entries).toMatchObject([[['b', 'of b', 1]]])
    await remote.close()
  })

  test('L2: what can still be answered is told with the answer after which it is less', async () => {
    const short = createMemoryStore({ clock, random: seededRandom(3), history: { commits: 2 } })
    const spoken = await welcomed(serving({}, short))
    for (let i = 0; i < 5; i++) await short.commit([put('a', i)])
    spoken.says([Kind.fetch, 0, 'a', null, null, null, null])
    await clock.advance(50)
    expect(spoken.heard(Kind.horizon)).toEqual([[Kind.horizon, short.oldest]])
    expect(Object.values(short.oldest)).toEqual([3])
  })

  test('L9: everyone is told that there are other sources, not only who is looked at first', async () => {
    const router = createRouter({ '': store }, { clock })
    const server = serving({}, router)
    const all = [await welcomed(server), await welcomed(server), await welcomed(server)]
    router.mount('more/', createMemoryStore({ clock, random: seededRandom(5) }))
    await clock.advance(1_000)
    for (const spoken of all) {
      expect(spoken.heard(Kind.info)).toMatchObject([[Kind.info, { sources: router.sources }]])
    }
  })

  test('L5: what one follows and another does not, each is told under its own id', async () => {
    const server = serving()
    const [one, other] = [await welcomed(server), await welcomed(server)]
    one.says([Kind.watch, 1, 'a', null], [Kind.watch, 2, 'b', null])
    other.says([Kind.watch, 1, 'a', null], [Kind.watch, 3, 'c', null])
    const third = await welcomed(server)
    third.says([Kind.watch, 9, 'a', null])
    await clock.advance(200)
    for (const spoken of [one, other, third]) spoken.said.length = 0
    await store.commit([put('a', 1), put('b', 2), put('c', 3)])
    await clock.advance(200)
    const told = (spoken: Spoken): unknown => spoken.heard(Kind.update).map(([, id, , [, changes]]) => [id, changes])
    expect(told(one)).toEqual([
      [1, [['a', 1]]],
      [2, [['b', 2]]],
    ])
    expect(told(other)).toEqual([
      [1, [['a', 1]]],
      [3, [['c', 3]]],
    ])
    expect(told(third)).toEqual([[9, [['a', 1]]]])
  })

  test('L4: a commit that failed for a reason of its own may have been applied; the reason stays with the server', async () => {
    const fail = (): Promise<never> => Promise.reject(new Error('the password of the database is 1234'))
    const failing: Store<object> = new Proxy<Store<object>>(store, {
      get: (target, name) => {
        if (name === 'commit' || name === 'changes') return fail
        const member: unknown = Reflect.get(target, name, target)
        return typeof member === 'function' ? member.bind(target) : member
      },
    })
    const spoken = await welcomed(serving({}, failing))
    spoken.says([Kind.commit, 0, [['a', 1]], null, null, null], [Kind.changes, 1, 'a', store.reached, null, null])
    await clock.advance(50)
    const errors = spoken.heard(Kind.failed).map(([, , error]) => error)
    expect(errors).toMatchObject([{ code: 'UNAVAILABLE', applied: 'unknown' }, { code: 'UNAVAILABLE' }])
    expect(JSON.stringify(errors)).not.toContain('1234')
  })
})

describe('who is gone before the welcome', () => {
  test.each(['admitted', 'refused'])('L8: leaves nothing behind, also where it is %s afterwards', async (outcome) => {
    let decide = (): void => undefined
    const authenticate = (): Promise<undefined> =>
      new Promise((resolve, reject) => {
        decide = () => (outcome === 'admitted' ? resolve(undefined) : reject(new FanlightError('FORBIDDEN', 'not you')))
      })
    const server = serving({ authenticate })
    const spoken = new Spoken(server.dial('ws://simulated/'))
    await clock.advance(50)
    expect(server.hub.size).toBe(1)
    spoken.close()
    await clock.advance(50)
    decide()
    await clock.advance(1_000)
    expect([server.hub.size, spoken.said, clock.pending]).toEqual([0, [], 0])
  })
})
