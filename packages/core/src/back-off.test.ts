import { backOffMs, pause } from '@fanlight/core/kit'
import { manualClock } from '@fanlight/core/testing'
import { expect, test } from 'vitest'

test('pauses double up to the most, and chance shortens them', () => {
  const backOff = { firstMs: 10, mostMs: 50 }
  expect([1, 2, 3, 4, 5000].map((attempt) => backOffMs(attempt, backOff, () => 1))).toEqual([10, 20, 40, 50, 50])
  expect(backOffMs(3, backOff, () => 0.5)).toBe(20)
})

test('a pause ends with its time, or ABORTED, and leaves no timer', async () => {
  const clock = manualClock()
  const aborting = new AbortController()
  let isOver = false
  const over = pause(10, clock, aborting.signal).then(() => (isOver = true))
  await clock.advance(9)
  expect(isOver).toBe(false)
  await clock.advance(1)
  await over
  const aborted = pause(10, clock, aborting.signal)
  aborting.abort(new Error('why'))
  await expect(aborted).rejects.toMatchObject({ code: 'ABORTED', cause: { message: 'why' } })
  await expect(pause(10, clock, aborting.signal)).rejects.toMatchObject({ code: 'ABORTED' })
  expect(clock.pending).toBe(0)
})
