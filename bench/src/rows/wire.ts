import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { keysOf, spread } from '../measure.ts'
import type { Notes, Row, Side } from '../row.ts'
import type { Peer } from '../wire/messages.ts'
import { Scene } from '../wire/scene.ts'
import { requestsRow } from './wire-request.ts'

const clients = 100
const keys = keysOf(10_000)
const turnMs = 1000

/** Deliveries a second: a commit every turn of the loop, each to another key. */
async function fanout(peer: Peer): Promise<Side> {
  const next = spread(keys.length)
  const scene = await Scene.open(peer, keys, clients, 101)
  let notes: Notes = {}
  return {
    async measure() {
      await scene.reset()
      const began = performance.now()
      while (performance.now() - began < turnMs) {
        await scene.write(keys[next()] as string)
        await turn()
      }
      const { deliveries, cpuMs } = await scene.ask({ do: 'tell' })
      const seconds = (performance.now() - began) / 1000
      const { commits, cpuMs: serverCpuMs } = scene
      notes = {
        'commits/s': commits / seconds,
        'server CPU ms/s': serverCpuMs / seconds,
        'clients CPU ms/s': cpuMs / seconds,
        'latency ms': (await scene.settle()).latencyMs,
      }
      return deliveries / seconds
    },
    notes: () => notes,
    close: () => scene.close(),
  }
}

/** The median time from a commit to a client, at 100 commits a second. */
async function latency(peer: Peer): Promise<Side> {
  const next = spread(keys.length)
  const scene = await Scene.open(peer, keys, clients, 101)
  return {
    async measure() {
      await scene.reset()
      for (let i = 0; i < 100; i++) {
        await scene.write(keys[next()] as string)
        await sleep(10)
      }
      return (await scene.settle()).latencyMs
    },
    close: () => scene.close(),
  }
}

/**
 * What 99 of 100 deliveries to a client took less than, in milliseconds: 2,000 commits a second for 5 s, of 1 kB each. What
 * another client that reads nothing in that time was not told, 10 MB, is more than its socket holds.
 */
async function besideSlow(isSlow: boolean): Promise<Side> {
  const few = keys.slice(0, 1_000)
  const next = spread(few.length)
  const text = 'x'.repeat(1_000)
  const scene = await Scene.open('fanlight', few, 2, 1)
  return {
    async measure() {
      await scene.reset()
      if (isSlow) await scene.ask({ do: 'pause' })
      const began = performance.now()
      while (scene.commits < 10_000) {
        const due = Math.min(10_000, (performance.now() - began) * 2)
        while (scene.commits < due) await scene.write(few[next()] as string, text)
        await sleep(1)
      }
      const { ofLast } = await scene.quiet()
      if (isSlow !== (ofLast === 0)) throw new Error(`the other client had ${ofLast} deliveries`)
      const { p99Ms } = await scene.ask({ do: 'times' })
      if (isSlow) await scene.ask({ do: 'resume' })
      await scene.settle()
      return p99Ms
    },
    close: () => scene.close(),
  }
}

export const wireRows: readonly Row[] = [
  {
    name: 'ws-fanout',
    unit: 'deliveries/s',
    more: true,
    reach: [8, 12],
    pairs: [
      { against: 'raw ws, one shared frame a commit', ours: () => fanout('fanlight'), theirs: () => fanout('ws') },
      { against: 'sharedb over ws', ours: () => fanout('fanlight'), theirs: () => fanout('sharedb') },
    ],
  },
  {
    name: 'ws-latency',
    unit: 'ms',
    more: false,
    reach: [0.75],
    pairs: [{ against: 'raw ws', ours: () => latency('fanlight'), theirs: () => latency('ws') }],
  },
  requestsRow,
  {
    name: 'slow-reader',
    unit: 'ms',
    more: false,
    reach: [0.5],
    pairs: [{ against: 'the same, where both read', ours: () => besideSlow(true), theirs: () => besideSlow(false) }],
  },
]
