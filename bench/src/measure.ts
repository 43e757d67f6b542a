import { setImmediate as turn } from 'node:timers/promises'
import type { Side } from './row.ts'

/** How long one turn of a rate lasts. */
const turnMs = 400

/**
 * Operations a second of `work`, which does `count` operations a call. It lets the loop turn between calls, as a server
 * would.
 */
export function rate(count: number, work: () => unknown, close?: () => Promise<void>): Side {
  return {
    async measure() {
      const began = performance.now()
      let done = 0
      do {
        await work()
        done += count
        await turn()
      } while (performance.now() - began < turnMs)
      return (done / (performance.now() - began)) * 1000
    },
    ...(close === undefined ? {} : { close }),
  }
}

/** Keys that sort as they count: `key00000000`. */
export function keysOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `key${String(i).padStart(8, '0')}`)
}

/** Whole numbers below `below`, far from one another, always the same. */
export function spread(below: number): () => number {
  let at = 0
  return () => (at = (at + 7919) % below)
}

/** Runs `count` operations, `outstanding` at a time. */
export async function inFlight(count: number, outstanding: number, one: () => Promise<unknown>): Promise<void> {
  let left = count
  const worker = async (): Promise<void> => {
    while (left-- > 0) await one()
  }
  await Promise.all(Array.from({ length: outstanding }, worker))
}

/** Bytes of the heap that `build` leaves behind for each of `count` things. */
export function heapPer(count: number, build: () => unknown): Side {
  return {
    measure() {
      collect()
      const before = process.memoryUsage().heapUsed
      const kept = build()
      collect()
      const bytes = (process.memoryUsage().heapUsed - before) / count
      if (kept === undefined) throw new Error('nothing was built')
      return Promise.resolve(bytes)
    },
  }
}

function collect(): void {
  const { gc } = globalThis as { gc?: () => void }
  if (gc === undefined) throw new Error('run with --expose-gc')
  gc()
  gc()
}
