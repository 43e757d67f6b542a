import { setImmediate as turn } from 'node:timers/promises'
import { createMemoryStore, put, type MemoryStore, type Range, type Stall } from '@fanlight/core'
import { createRouter } from '@fanlight/router'
import { createView } from '@fanlight/views'
import { keysOf, spread } from '../measure.ts'
import type { Row, Side } from '../row.ts'

const lagMs = 50
/** So few that every range has changed within the lag: without waiting, every answer is torn. */
const count = 24
const keys = keysOf(count)
const outstanding = 64
const turnMs = 500

interface Diamond {
  readonly data: MemoryStore
  readonly queries: () => [Range, Range]
  readonly write: () => Promise<unknown>
}

interface Asked extends Diamond {
  readonly router: (query: [Range, Range], stall: Stall) => Promise<unknown>
  readonly both: (query: [Range, Range]) => Promise<unknown>
}

/** Data, an index of it that lags, and a router over both. */
async function diamond(): Promise<Asked> {
  const data = createMemoryStore({ name: 'data' })
  await data.commit(keys.map((key, i) => put(key, i)))
  const index = createView(data, { map: ({ key, value }) => ({ key: `by/${key}`, value }), delayMs: lagMs })
  await index.fetch([], { min: data.reached })
  const router = createRouter({ 'data/': data, 'index/': index })
  const next = spread(count - 11)
  const writes = spread(count - 1)
  const at = (prefix: string, low: number): Range => ({
    gte: `${prefix}${keys[low]}`,
    lt: `${prefix}${keys[low + 10]}`,
  })
  return {
    data,
    queries: () => {
      const low = next()
      return [at('', low), at('by/', low)]
    },
    write: () => data.commit([put(keys[writes()] as string, Math.floor(performance.now() * 1000))]),
    router: ([raw, by], stall) => router.fetch([under('data/', raw), under('index/', by)], { stall }),
    both: ([raw, by]) => Promise.all([data.fetch(raw), index.fetch(by)]),
  }
}

function under(prefix: string, { gte = '', lt = '' }: Range): Range {
  return { gte: prefix + gte, lt: prefix + lt }
}

/** Fetches a second: a commit and 64 fetches every turn of the loop. */
async function asking(one: (made: Asked) => Promise<unknown>): Promise<Side> {
  const made = await diamond()
  return {
    async measure() {
      const began = performance.now()
      let done = 0
      do {
        await made.write()
        await Promise.all(Array.from({ length: outstanding }, () => one(made)))
        done += outstanding
        await turn()
      } while (performance.now() - began < turnMs)
      return (done / (performance.now() - began)) * 1000
    },
  }
}

/** The median time of a fetch that waits, in milliseconds. */
async function waiting(): Promise<Side> {
  const made = await diamond()
  return {
    async measure() {
      const times: number[] = []
      const end = performance.now() + 2 * turnMs
      const worker = async (): Promise<void> => {
        while (performance.now() < end) {
          const began = performance.now()
          await made.router(made.queries(), 'wait')
          times.push(performance.now() - began)
          // Else an answer that need not wait keeps the loop, and the writer, from turning.
          await turn()
        }
      }
      let writing = true
      const writer = (async () => {
        for (; writing; await turn()) await made.write()
      })()
      await Promise.all(Array.from({ length: outstanding }, worker))
      writing = false
      await writer
      times.sort((a, b) => a - b)
      return times[times.length >> 1] as number
    },
  }
}

export const diamondRows: readonly Row[] = [
  {
    name: 'diamond-older',
    unit: 'agreed fetches/s',
    more: true,
    reach: [0.25],
    pairs: [
      {
        against: 'Promise.all over both, torn answers and all',
        ours: () => asking((made) => made.router(made.queries(), 'older')),
        theirs: () => asking((made) => made.both(made.queries())),
      },
    ],
  },
  {
    name: 'diamond-wait',
    unit: 'ms',
    more: false,
    reach: [0.8],
    pairs: [
      { against: 'the lag itself', ours: waiting, theirs: async () => ({ measure: () => Promise.resolve(lagMs) }) },
    ],
  },
]
