import { type Store, get } from '@fanlight/core'
import { type ManualClock, manualClock, settled, turns } from '@fanlight/core/testing'
import { describe, expect, test } from 'vitest'
import { createClockStore } from '../index.ts'

const source = 'clock-1000ms@1970'

/** A clock that can be set. */
function settable(): ManualClock & { offMs: number } {
  const clock = manualClock(10_000)
  return Object.assign(Object.create(clock) as ManualClock, {
    offMs: 0,
    now(this: { offMs: number }) {
      return clock.now() + this.offMs
    },
  })
}

async function valueOf(store: Store<{ '': number }>): Promise<number | undefined> {
  return get(store, '')
}

describe('a clock', () => {
  test('L0: the value at a version is the same in every process, for ever', async () => {
    const one = createClockStore({ clock: manualClock(10_999) })
    const other = createClockStore({ clock: manualClock(90_000) })
    expect(one.sources).toEqual([source])
    expect(one.reached).toEqual({ [source]: 10 })
    for (const version of [0, 1, 10]) {
      const at = { [source]: version }
      for (const store of [one, other]) {
        const { entries, windows } = await store.fetch('', { min: at, max: at })
        expect(entries).toEqual([{ key: '', value: version * 1_000, version }])
        expect(windows).toEqual({ [source]: { from: version, to: version } })
      }
    }
  })

  test('L1: what does not ask for the time is true at every version', async () => {
    const store = createClockStore({ clock: manualClock(10_000) })
    const { windows } = await store.fetch({ gt: 'a' })
    expect(windows).toEqual({ [source]: { from: 0, to: 10 } })
  })

  test('its steps have their length in their name, so that clocks of two lengths are no lives of one', async () => {
    const clock = createClockStore({ everyMs: 250, clock: manualClock(10_000) })
    expect(clock.reached).toEqual({ 'clock-250ms@1970': 40 })
    await clock.fetch('', { min: { [source]: 10 } })
  })

  test('L9: it tells those who follow, and sets no timer while nobody does', async () => {
    const clock = manualClock(10_000)
    const store = createClockStore({ clock })
    expect(clock.pending).toBe(0)
    const feed = store.watch('')
    await settled(feed)
    let rang = 0
    feed.wake(() => rang++)
    await clock.advance(999)
    expect(rang).toBe(0)
    await clock.advance(1)
    expect(rang).toBe(1)
    expect(await settled(feed)).toMatchObject([{ changes: [{ key: '', value: 11_000 }], folded: 1 }])
    await clock.advance(3_500)
    expect(await settled(feed)).toMatchObject([{ changes: [{ key: '', value: 14_000 }], folded: 3 }])
    await feed.close()
    expect(clock.pending).toBe(0)
    await clock.advance(5_000)
    expect(await valueOf(store)).toBe(19_000)
  })

  test('L9: who waits for a version is answered when it comes', async () => {
    const clock = manualClock(10_000)
    const store = createClockStore({ clock })
    const asked = store.fetch('', { min: { [source]: 12 } })
    await clock.advance(2_000)
    expect((await asked).entries).toMatchObject([{ value: 12_000 }])
    await turns()
    expect(clock.pending).toBe(0)
    const late = store.fetch('', { min: { [source]: 99 }, timeoutMs: 3_000 }).catch((error: unknown) => error)
    await clock.advance(3_000)
    expect(await late).toMatchObject({ code: 'STALLED', source, reached: { [source]: 14 } })
  })

  test('L0: where the time is set back it stands still until it has passed, and it follows a leap', async () => {
    const clock = settable()
    const store = createClockStore({ clock })
    const feed = store.watch('')
    await settled(feed)
    clock.offMs = -5_000
    await clock.advance(4_000)
    expect(store.reached).toEqual({ [source]: 10 })
    await clock.advance(2_000)
    expect(store.reached).toEqual({ [source]: 11 })
    clock.offMs = 3_600_000
    await clock.advance(1_000)
    expect(store.reached).toEqual({ [source]: 3_617 })
    await store.close()
    expect(clock.pending).toBe(0)
  })

  test.each([0, -1, 1.5, 86_400_001, Infinity, '1'])('refuses steps of %s ms', (everyMs) => {
    expect(() => createClockStore({ everyMs: everyMs as number })).toThrow(
      expect.objectContaining({ code: 'BAD_QUERY' }),
    )
  })
})
