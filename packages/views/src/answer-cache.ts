import type { Random, Snapshot, Versions } from '@fanlight/core'
import { type Interval, IntervalIndex, type Reading, type Spans } from '@fanlight/core/kit'
import { overheadBytes } from './shelf.ts'

/** What a view with `mode: 'lazy'` holds, and how often that was of use. */
export interface CacheState {
  /** How many questions were answered by what was held. */
  readonly hits: number
  /** How many were not, and were passed on. */
  readonly misses: number
  /** How many answers are held. */
  readonly answers: number
  /** About how many bytes they take, and the questions that are being asked. */
  readonly bytes: number
}

/** An answer that is being asked for. */
export interface ExpectedAnswer {
  /** It is there, and its entries take about so many bytes. */
  hold(answer: HeldAnswer, bytes: number): void
  /** It does not come. */
  giveUp(): void
}

/** An answer that is held until something changes that it was made of. */
export interface HeldAnswer extends Pick<Reading, 'entries' | 'more'> {
  /** The point from which on it has been the answer. */
  readonly since: Versions
}

interface Slot {
  readonly name: string
  /** What of the upstream was read for it: absences included, since it is the ranges that count. */
  readonly reads: readonly Interval[]
  answer: HeldAnswer | undefined
  bytes: number
  /** Whether somebody asked for it since it was spared last. */
  isUsed: boolean
  /** What was answered last, and what the view had reached then. */
  snapshot: Snapshot | undefined
  at: Versions | undefined
}

/**
 * The answers of a view, each held until a change touches what was read for it. Where they take more than a number of bytes,
 * those go that nobody has asked for in a while: the oldest one that was not asked for since it was spared
 * (Corbato, "A Paging Experiment with the Multics System", 1968: a hit moves nothing).
 */
export class AnswerCache {
  readonly #bytesMax: number
  /** By question; those that came or were spared last are behind. */
  readonly #slots = new Map<string, Slot>()
  readonly #index: IntervalIndex<Slot>
  #hits = 0
  #misses = 0
  #bytes = 0

  constructor(bytesMax: number, random: Random) {
    this.#bytesMax = bytesMax
    this.#index = new IntervalIndex(random)
  }

  get state(): CacheState {
    let answers = 0
    for (const { answer } of this.#slots.values()) if (answer !== undefined) answers++
    return { hits: this.#hits, misses: this.#misses, answers, bytes: this.#bytes }
  }

  /** The answer to a question; undefined: it is not held. */
  get(name: string): HeldAnswer | undefined {
    const slot = this.#slots.get(name)
    if (slot?.answer === undefined) {
      this.#misses++
      return undefined
    }
    this.#hits++
    slot.isUsed = true
    return slot.answer
  }

  /** The very snapshot that answered a question when the view had reached this point; undefined: it has moved. */
  snapshotOf(name: string, at: Versions): Snapshot | undefined {
    const slot = this.#slots.get(name)
    if (slot?.at !== at) return undefined
    this.#hits++
    slot.isUsed = true
    return slot.snapshot
  }

  /** Keeps what answered a question, for whoever asks the same before anything moves. */
  keep(name: string, snapshot: Snapshot, at: Versions): void {
    const slot = this.#slots.get(name)
    if (slot?.answer === undefined) return
    slot.snapshot = snapshot
    slot.at = at
  }

  /**
   * Begins to hold an answer that is being asked for: what changes until it is there counts.
   *
   * @param reads what of the upstream is read for it
   */
  expect(name: string, reads: readonly Interval[]): ExpectedAnswer {
    const slot: Slot = { name, reads, answer: undefined, bytes: 0, isUsed: false, snapshot: undefined, at: undefined }
    this.#drop(this.#slots.get(name))
    this.#slots.set(name, slot)
    this.#grow(slot, overheadBytes + 2 * name.length)
    for (const interval of reads) this.#index.add(interval, slot)
    return {
      hold: (answer, bytes) => {
        if (this.#slots.get(name) !== slot) return
        slot.answer = answer
        this.#grow(slot, bytes + overheadBytes * answer.entries.length)
        // What can never be held takes the place of nothing.
        if (slot.bytes > this.#bytesMax) this.#drop(slot)
        else this.#makeRoom()
      },
      giveUp: () => this.#drop(slot),
    }
  }

  /** Forgets what was made of these keys of the upstream. */
  touch(keys: Iterable<string>): void {
    const touched = new Set<Slot>()
    for (const key of keys) this.#index.stab(key, (slot) => touched.add(slot))
    for (const slot of touched) this.#drop(slot)
  }

  clear(): void {
    for (const slot of this.#slots.values()) this.#drop(slot)
  }

  #grow(slot: Slot, bytes: number): void {
    slot.bytes += bytes
    this.#bytes += bytes
  }

  #makeRoom(): void {
    for (const oldest of this.#slots.values()) {
      if (this.#bytes <= this.#bytesMax) return
      if (oldest.isUsed) {
        oldest.isUsed = false
        this.#slots.delete(oldest.name)
        this.#slots.set(oldest.name, oldest)
      } else if (oldest.answer !== undefined) this.#drop(oldest)
    }
  }

  #drop(slot: Slot | undefined): void {
    if (slot === undefined || this.#slots.get(slot.name) !== slot) return
    this.#slots.delete(slot.name)
    this.#bytes -= slot.bytes
    for (const interval of slot.reads) this.#index.remove(interval, slot)
  }
}

/** The same text for the same question, and for no other. */
export function nameOf({ query, list }: Spans): string {
  if (typeof query === 'string') return query
  // No key begins with half of a surrogate pair.
  let name = '\ud800'
  for (const { lo, hi, limit, reverse } of list) {
    name += `${lo.length},${hi?.length ?? ''},${limit}${reverse ? 'r' : ','}${lo}${hi ?? ''}`
  }
  return name
}
