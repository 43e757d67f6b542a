import { type FanlightError, isFanlightError, put } from '@fanlight/core'
import { type ManualClock, manualClock, seededRandom, turns } from '@fanlight/core/testing'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type JsonStore, openJsonStore } from './index.ts'
import { edited } from './testing/json-text.ts'
import { type MemoryDisk, createMemoryDisk } from './testing/memory-file-system.ts'

const path = '/data/file.json'

type Step =
  | { readonly do: 'commit' | 'conditional' | 'rename' | 'overwrite' | 'tear' | 'delete' | 'kill' | 'cut' | 'fail' }
  | { readonly do: 'run'; readonly count: number }
  | { readonly do: 'tick'; readonly ms: number }

/** What happened in all runs: a run in which nothing happens proves nothing. */
const counts = { acknowledged: 0, conflicts: 0, unknown: 0, foreign: 0, torn: 0, kills: 0, cuts: 0, failures: 0, taken: 0 }

/** A store on a disk where every operation waits until it is let go on, in an order that chance decides. */
class World {
  readonly #random: () => number
  readonly clock: ManualClock = manualClock(1_000_000)
  readonly disk: MemoryDisk
  #held: (() => void)[] = []
  #store: JsonStore | undefined
  #count = 0
  readonly #work = new Set<Promise<void>>()
  /** What was acknowledged, and what others wrote that no power cut can have taken away. */
  readonly acknowledged = new Map<string, number>()
  readonly foreign = new Map<string, number>()

  constructor(seed: number) {
    this.#random = seededRandom(seed)
    this.disk = createMemoryDisk({
      clock: this.clock,
      random: this.#random,
      pace: () => new Promise<void>((resolve) => this.#held.push(resolve)),
    })
    this.disk.makeFolder('/data')
  }

  async open(): Promise<void> {
    const opening = openJsonStore(path, { fs: this.disk.mount(), clock: this.clock, random: this.#random, limits: { timeoutMs: Infinity } })
    let store: JsonStore | undefined
    opening.then((made) => (store = made), (error: unknown) => this.#failed(error))
    for (let i = 0; store === undefined; i++) {
      if (i > 1_000) throw new Error('the store did not open')
      await this.run(1)
    }
    this.#store = store
  }

  /** Lets so many operations go on. */
  async run(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      await turns(30)
      const [next] = this.#held.splice(Math.floor(this.#random() * this.#held.length), 1)
      if (next === undefined) return
      next()
    }
    await turns(30)
  }

  /** Lets all go on, and the time pass, until nothing happens any more. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 5; quiet++) {
      while (this.#held.length > 0) {
        quiet = 0
        await this.run(1)
      }
      await this.clock.advance(300)
    }
  }

  async step(step: Step): Promise<void> {
    const { disk } = this
    const key = `${this.#count++ % 7}`
    switch (step.do) {
      case 'commit':
        return this.#commit(`own ${key}`, false)
      case 'conditional':
        return this.#commit(`own ${key}`, true)
      case 'rename':
      case 'overwrite':
        return this.#edit(`foreign ${key}`, step.do)
      case 'tear':
        return this.#tear()
      case 'delete':
        // It comes back with all that it held.
        if (disk.text(path) !== undefined && !this.#torn) this.#backup = disk.text(path)
        return
      case 'fail':
        counts.failures++
        return disk.failNext((['sync', 'replace', 'syncFolder', 'create', 'readFile'] as const)[this.#count % 5] ?? 'sync', 'EIO')
      case 'kill':
      case 'cut':
        return this.#end(step.do)
      case 'run':
        return this.run(step.count)
      case 'tick':
        return this.clock.advance(step.ms)
    }
  }

  /** At the end all that was acknowledged is there, and the store shows what is in the file. */
  async check(): Promise<void> {
    this.#mend()
    await this.settle()
    await Promise.all(this.#work)
    this.checkFile()
    const { entries } = (await this.#store?.fetch({})) ?? { entries: [] }
    const file = Object.entries(JSON.parse(this.disk.text(path) ?? '{}') as object)
    expect(Object.fromEntries(entries.map(({ key, value }) => [key, value as unknown]))).toEqual(Object.fromEntries(file))
    expect(Object.values(this.#store?.state ?? {})[0]?.status).toBe('live')
    counts.taken += Object.values(this.#store?.reached ?? {})[0] ?? 0
  }

  checkFile(): void {
    const text = this.disk.text(path)
    const members = JSON.parse(text ?? '{}') as Record<string, number>
    for (const [key, value] of [...this.acknowledged, ...this.foreign]) {
      expect(members[key] ?? 0, `${key} in ${text}`).toBeGreaterThanOrEqual(value)
    }
  }

  #torn: string | undefined
  #backup: string | undefined

  #commit(key: string, conditional: boolean): void {
    const store = this.#store
    if (store === undefined) return
    const value = ++this.#count
    const options = conditional ? { basis: store.reached } : {}
    const work = store.commit?.([put(key, value)], options).then(
      () => {
        if (store !== this.#store) return
        counts.acknowledged++
        this.acknowledged.set(key, Math.max(value, this.acknowledged.get(key) ?? 0))
      },
      (error: unknown) => this.#failed(error),
    )
    if (work !== undefined) this.#work.add(work)
  }

  #failed(error: unknown): void {
    if (!isFanlightError(error)) throw error
    const { code, applied }: FanlightError = error
    if (code === 'CONFLICT') counts.conflicts++
    else expect(['UNAVAILABLE', 'CLOSED']).toContain(code)
    if (applied === 'unknown') counts.unknown++
  }

  /** Another program reads, changes and writes the file, all in one moment: it overwrites nothing that was acknowledged. */
  #edit(key: string, how: 'rename' | 'overwrite'): void {
    this.#mend()
    const value = ++this.#count
    const text = edited(this.disk.text(path) ?? '{}', [put(key, value)])
    if (how === 'rename') this.disk.put(path, text)
    else this.disk.overwrite(path, text)
    counts.foreign++
    this.foreign.set(key, value)
  }

  /** It begins to write in place, and is seen half way. */
  #tear(): void {
    if (this.#torn !== undefined) return this.#mend()
    const text = edited(this.disk.text(path) ?? '{}', [])
    this.disk.overwrite(path, text.slice(0, Math.floor(this.#random() * text.length)))
    this.#torn = text
    counts.torn++
  }

  #mend(): void {
    if (this.#torn !== undefined) this.disk.overwrite(path, this.#torn)
    this.#torn = undefined
  }

  async #end(how: 'kill' | 'cut'): Promise<void> {
    this.#mend()
    // What other programs do not bring to the disk is their loss, not ours.
    if (how === 'cut') this.disk.settleForeign()
    this.#store = undefined
    this.#work.clear()
    if (how === 'kill') this.disk.killAll()
    else this.disk.cut()
    counts[how === 'kill' ? 'kills' : 'cuts']++
    this.#held = []
    this.checkFile()
    await this.open()
  }
}
