import { describe, expect, test } from 'vitest'
import { runCase } from './case.ts'
import { add, belowFloor, noCounters } from './counters.ts'
import { viewSpecs } from './views/view-node.ts'

/** Cases that failed once, each with the bug that it found. */
const once: readonly [seed: number, bug: string][] = [
  [
    792942739,
    'a feed of a router inside a router took its first answer under a newer table of mounts than it was asked for',
  ],
  [3464277579, 'a client took what replaced some of the keys for a whole answer'],
  [371663397, 'a point of a former table was answered with the newest of a store that is mounted no more'],
  [
    4231559094,
    'an answer of a router inside was brought to a point at which it shows another store, without its source',
  ],
  [2391830682, 'a feed of a router asked one inside it, which was there but for a former mount, again without a pause'],
  [2983115940, 'a quiet feed of a session held a source that was gone, and was refused every step as one back'],
  [3215204410, 'a take of a view waited for a point of a store that its router unmounted, and never ended'],
  [620252013, 'a first take of a client waited for the lower bound of a source that was gone, and never ended'],
]

describe('the fuzzer', () => {
  const total = { ...noCounters }

  // One for each kind of view in each mode.
  test.each(viewSpecs.map((_, i) => i + 17))(
    'L0 to L9: every answer of a random tree is true (case %i)',
    async (seed) => {
      const { failure, counters } = await runCase(seed)
      expect(failure).toBeUndefined()
      add(total, counters)
    },
  )

  test('in these cases every kind of view answered and stepped', () => {
    const ofViews = Object.entries(total).filter(([name]) => /(Answers|Steps)$/.test(name) && !name.startsWith('mongo'))
    expect(ofViews.filter(([, count]) => count === 0)).toEqual([])
    expect(ofViews).toHaveLength(20)
  })

  test.each(once)('case %i stays mended: %s', async (seed) => {
    expect((await runCase(seed, { onlyMaps: true })).failure).toBeUndefined()
  })

  test('one seed gives one trace, whatever the machine does, and also over connections that are cut', async () => {
    for (const seed of [77, 78]) {
      const [first, second] = [await runCase(seed), await runCase(seed)]
      expect(second.trace).toBe(first.trace)
      expect(second.counters).toEqual(first.counters)
      expect(first.counters.commits).toBeGreaterThan(0)
      expect(first.counters.cuts > 0).toBe(seed === 78)
    }
  })

  test('a run in which something never happened fails', () => {
    expect(belowFloor({ ...noCounters }, 600)).toContain('carries: 0, at least 1000 are needed')
    expect(belowFloor({ ...noCounters }, 600)).toContain('lazyAnswers: 0, at least 100 are needed')
    expect(belowFloor({ ...noCounters }, 1)).toContain('changelogSteps: 0, at least 1 are needed')
  })
})
