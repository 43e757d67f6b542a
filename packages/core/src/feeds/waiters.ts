import type { SourceId, Versions } from '../store.ts'

/** Somebody who waits for a point. */
interface Waiter {
  /** What is left of it of sources that there are. */
  point: Versions
  /** Goes on, inside the advance that reached the point, before the next commit can move the horizon past it. */
  readonly run: () => void
  done: boolean
}

/**
 * Who waits for which point: one heap a source, so that a commit looks at the next waiter only. A waiter for several
 * sources stands in the heap of one that is not reached yet.
 */
export class Waiters {
  readonly #heaps = new Map<SourceId, Waiter[]>()
  #size = 0
  /** How many ended waits still stand in a heap. */
  #ended = 0

  /** How many wait. */
  get size(): number {
    return this.#size
  }

  /**
   * Waits for a point that is not reached yet.
   *
   * @returns ends the wait
   */
  add(point: Versions, reached: Versions, run: () => void): () => void {
    const waiter: Waiter = { point, run, done: false }
    this.#size++
    this.#place(waiter, reached)
    return () => {
      if (waiter.done) return
      waiter.done = true
      this.#size--
      if (++this.#ended > 64 && this.#ended > this.#size) this.#sweep()
    }
  }

  /** Runs everyone whose point is reached. */
  release(reached: Versions): void {
    if (this.#size === 0) return
    for (const [source, heap] of this.#heaps) {
      for (let next = heap[0]; next !== undefined; next = heap[0]) {
        const version = reached[source]
        if (!next.done && (version === undefined || (next.point[source] ?? 0) > version)) break
        pop(heap, source)
        if (!next.done) this.#place(next, reached)
      }
      if (heap.length === 0) this.#heaps.delete(source)
    }
  }

  /** Who waits for a source that there is no more waits for the rest of its point, and finds out for itself then. */
  releaseGone(sources: readonly SourceId[], reached: Versions): void {
    if (this.#size === 0) return
    for (const [source, heap] of this.#heaps) {
      if (sources.includes(source)) continue
      this.#heaps.delete(source)
      for (const waiter of heap) {
        if (waiter.done) continue
        const { [source]: _gone, ...rest } = waiter.point
        waiter.point = rest
        this.#place(waiter, reached)
      }
    }
  }

  /** The least version of a source that somebody waits for: a place to stop at. */
  next(source: SourceId): number | undefined {
    const heap = this.#heaps.get(source)
    while (heap?.[0]?.done === true) pop(heap, source)
    return heap?.[0]?.point[source]
  }

  /** Runs everyone: each finds for itself that the store is closed. */
  releaseAll(): void {
    const heaps = [...this.#heaps.values()]
    this.#heaps.clear()
    for (const waiter of heaps.flat()) this.#finish(waiter)
  }

  /** Forgets the ended waits, so that they cannot pile up before a point that never comes. */
  #sweep(): void {
    this.#ended = 0
    for (const [source, heap] of this.#heaps) {
      const rest: Waiter[] = []
      for (const waiter of heap) if (!waiter.done) push(rest, source, waiter)
      this.#heaps.set(source, rest)
    }
  }

  #place(waiter: Waiter, reached: Versions): void {
    for (const source of Object.keys(waiter.point)) {
      const version = reached[source]
      if (version !== undefined && version >= (waiter.point[source] ?? 0)) continue
      let heap = this.#heaps.get(source)
      if (heap === undefined) this.#heaps.set(source, (heap = []))
      push(heap, source, waiter)
      return
    }
    this.#finish(waiter)
  }

  #finish(waiter: Waiter): void {
    if (waiter.done) return
    waiter.done = true
    this.#size--
    waiter.run()
  }
}

function before(a: Waiter, b: Waiter, source: SourceId): boolean {
  return (a.point[source] ?? 0) < (b.point[source] ?? 0)
}

function push(heap: Waiter[], source: SourceId, waiter: Waiter): void {
  let at = heap.length
  heap.push(waiter)
  while (at > 0) {
    const up = (at - 1) >> 1
    const parent = heap[up] as Waiter
    if (!before(waiter, parent, source)) break
    heap[at] = parent
    at = up
  }
  heap[at] = waiter
}

function pop(heap: Waiter[], source: SourceId): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    const right = heap[child + 1]
    if (right !== undefined && before(right, heap[child] as Waiter, source)) child++
    if (!before(heap[child] as Waiter, last, source)) break
    heap[at] = heap[child] as Waiter
    at = child
  }
  heap[at] = last
}
