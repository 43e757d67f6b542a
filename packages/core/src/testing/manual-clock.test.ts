import { expect, test } from 'vitest'
import { manualClock } from './manual-clock.ts'

test('it stands still until it is told to move', async () => {
  const clock = manualClock(500)
  const fired: number[] = []
  clock.after(10, () => fired.push(clock.now()))
  expect([clock.now(), clock.pending]).toEqual([500, 1])
  await clock.advance(9)
  expect([clock.now(), clock.pending, fired]).toEqual([509, 1, []])
  await clock.advance(1)
  expect([clock.now(), clock.pending, fired]).toEqual([510, 0, [510]])
})

test('timers fire in order of time, then of making, each at its own time', async () => {
  const clock = manualClock()
  const fired: string[] = []
  const set = (name: string, ms: number): unknown => clock.after(ms, () => fired.push(`${name} at ${clock.now()}`))
  set('c', 30)
  set('a', 10)
  set('b', 10)
  set('now', 0)
  set('past', -5)
  set('never', Infinity)
  await clock.advance(1_000)
  expect(fired).toEqual(['now at 0', 'past at 0', 'a at 10', 'b at 10', 'c at 30'])
  expect([clock.now(), clock.pending]).toEqual([1_000, 1])
})

test('what waits for a timer goes on before the next one, and may set timers that fall due too', async () => {
  const clock = manualClock()
  const fired: string[] = []
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve))
  const run = async (): Promise<void> => {
    await sleep(10)
    fired.push('first')
    await sleep(5)
    fired.push('second')
  }
  const done = run()
  clock.after(15, () => fired.push('between'))
  clock.after(20, () => fired.push('last'))
  await clock.advance(20)
  await done
  expect(fired).toEqual(['first', 'between', 'second', 'last'])
})

test('a timer that was ended does not fire', async () => {
  const clock = manualClock()
  let fired = false
  const end = clock.after(10, () => (fired = true))
  end()
  end()
  await clock.advance(100)
  expect([fired, clock.pending]).toEqual([false, 0])
})

test('moves queue up', async () => {
  const clock = manualClock()
  await Promise.all([clock.advance(10), clock.advance(20)])
  expect(clock.now()).toBe(30)
})

test('a timer that throws fails the move, and the clock goes on', async () => {
  const clock = manualClock()
  clock.after(1, () => {
    throw new Error('no')
  })
  await expect(clock.advance(5)).rejects.toThrow('no')
  await clock.advance(5)
  expect(clock.now()).toBe(6)
})
