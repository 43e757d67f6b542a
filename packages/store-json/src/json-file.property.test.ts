import { isFanlightError, put } from '@fanlight/core'
import { type ManualClock, manualClock, seededRandom, turns } from '@fanlight/core/testing'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type FileSystem, type JsonStore, openJsonStore } from './index.ts'
import { edited } from './testing/json-text.ts'
import { type MemoryDisk, createMemoryDisk } from './testing/memory-file-system.ts'

const path = '/data/file.json'

type Step =
  | { readonly do: 'commit' | 'conditional' | 'rename' | 'overwrite' | 'tear' | 'kill' | 'cut' | 'fail' }
  | { readonly do: 'run'; readonly count: number }
  | { readonly do: 'tick'; readonly ms: number }

/** What happened in all runs: a run in which nothing happens proves nothing. */
const counts = {
  acknowledged: 0,
  conflicts: 0,
  unknown: 0,
  foreign: 0,
  torn: 0,
  kills: 0,
  cuts: 0,
  failures: 0,
  taken: 0,
}

/** Takes something away from a file system. */
type Sabotage = (fs: FileSystem) => FileSystem

/** A store on a disk where every operation waits until it is let go on, in an order that chance decides. */
class World {
  readonly #sabotage: Sabotage
  readonly #random: () => number
  readonly clock: ManualClock = manualClock(1_000_000)
  readonly disk: MemoryDisk
  #held: (() => void)[] = []
  #store: JsonStore | undefined
  #count = 0
  /** What the file will be when the program is done that is writing it. */
  #torn: string | undefined
  readonly #work = new Set<Promise<void>>()
  /** What was acknowledged, and what others wrote that no power cut can have taken away. */
  readonly acknowledged = new Map<string, number>()
  readonly foreign = new Map<string, number>()
  /** What was refused: nobody ever sees it. */
  readonly refused = new Set<number>()

  constructor(seed: number, sabotage: Sabotage) {
    this.#sabotage = sabotage
    this.#random = seededRandom(seed)
    this.disk = createMemoryDisk({
      clock: this.clock,
      random: this.#random,
      pace: () => new Promise<void>((resolve) => this.#held.push(resolve)),
    })
    this.disk.makeFolder('/data')
  }

  async open(): Promise<void> {
    const opening = openJsonStore(path, {
      fs: this.#sabotage(this.disk.mount()),
      clock: this.clock,
      random: this.#random,
      limits: { timeoutMs: Infinity },
    })
    let store: JsonStore | undefined
    opening.then(
      (made) => (store = made),
      (error: unknown) => this.#failed(error),
    )
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
        // Few keys, so that many a change leaves the file as long as it was: its stamp may then be the same.
        return this.#edit(`foreign ${this.#count % 2}`, step.do)
      case 'tear':
        return this.#tear()
      case 'fail':
        counts.failures++
        return disk.failNext(
          (['sync', 'replace', 'syncFolder', 'create', 'readFile'] as const)[this.#count % 5] ?? 'sync',
          'EIO',
        )
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
    expect(Object.fromEntries(entries.map(({ key, value }) => [key, value]))).toEqual(Object.fromEntries(file))
    expect(Object.values(this.#store?.state ?? {})[0]?.status).toBe('live')
    counts.taken += Object.values(this.#store?.reached ?? {})[0] ?? 0
  }

  checkFile(): void {
    const text = this.disk.text(path)
    const members = JSON.parse(text ?? '{}') as Record<string, number>
    for (const value of Object.values(members)) expect(this.refused.has(value)).toBe(false)
    for (const [key, value] of [...this.acknowledged, ...this.foreign]) {
      if ((members[key] ?? 0) < value) throw new Error(`${key} should be ${value}, or later, in ${text}`)
    }
  }

  #commit(key: string, conditional: boolean): void {
    const store = this.#store
    if (store === undefined) return
    const value = ++this.#count
    const basis = store.reached
    const guard = { gte: 'foreign' }
    const work = store.commit([put(key, value)], conditional ? { basis, guard } : {}).then(
      async (until) => {
        if (store !== this.#store) return
        // What was guarded did not change: neither before, nor while it was written.
        const before = { ...until, [store.sources[0] ?? '']: (Object.values(until)[0] ?? 0) - 1 }
        if (conditional) expect((await store.changes([guard, key], { since: basis, until: before })).folded).toBe(0)
        counts.acknowledged++
        this.acknowledged.set(key, Math.max(value, this.acknowledged.get(key) ?? 0))
      },
      (error: unknown) => {
        if (this.#failed(error) === 'no') this.refused.add(value)
      },
    )
    if (work !== undefined) this.#work.add(work)
  }

  /** Whether what failed may have been applied. */
  #failed(error: unknown): 'no' | 'unknown' | undefined {
    if (!isFanlightError(error)) throw error
    const { code, applied } = error
    if (code === 'CONFLICT') counts.conflicts++
    else expect(code).toBe('UNAVAILABLE')
    if (applied === 'unknown') counts.unknown++
    return applied
  }

  /** Another program reads, changes and writes the file, all in one moment: it overwrites nothing that was acknowledged. */
  #edit(key: string, how: 'rename' | 'overwrite'): void {
    this.#mend()
    const value = ++this.#count
    const text = edited(this.disk.text(path) ?? '{}', [put(key, value)])
    if (how === 'rename') this.disk.put(path, text)
    else this.disk.overwrite(path, text)
    this.disk.syncContent(path)
    counts.foreign++
    this.foreign.set(key, value)
  }

  /** It begins to write in place, and is seen half way. */
  #tear(): void {
    if (this.#torn !== undefined) return this.#mend()
    const text = edited(this.disk.text(path) ?? '{}', [])
    this.disk.overwrite(path, text.slice(0, Math.floor(this.#random() * (text.length - 2))))
    this.#torn = text
    counts.torn++
  }

  #mend(): void {
    if (this.#torn === undefined) return
    this.disk.overwrite(path, this.#torn)
    this.disk.syncContent(path)
    this.#torn = undefined
  }

  async #end(how: 'kill' | 'cut'): Promise<void> {
    this.#mend()
    this.#store = undefined
    this.#work.clear()
    if (how === 'kill') this.disk.kill()
    else {
      this.disk.cut()
      // Others did not bring the names of their files to the disk.
      this.foreign.clear()
    }
    counts[how === 'kill' ? 'kills' : 'cuts']++
    this.#held = []
    this.checkFile()
    await this.open()
  }
}

const some = fc.constantFrom<Step[]>(
  { do: 'commit' },
  { do: 'commit' },
  { do: 'conditional' },
  { do: 'rename' },
  { do: 'overwrite' },
  { do: 'tear' },
)
const seldom = fc.constantFrom<Step[]>({ do: 'kill' }, { do: 'cut' }, { do: 'fail' })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: some },
  { weight: 1, arbitrary: seldom },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('run' as const), count: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('tick' as const), ms: fc.constantFrom(1, 20, 60, 400) }) },
)

/** Plays random scripts, and fails where something is lost. */
function play(numRuns: number, sabotage: Sabotage): Promise<fc.RunDetails<[number, Step[]]>> {
  const script = fc.array(step, { minLength: 10, maxLength: 60 })
  const property = fc.asyncProperty(fc.nat(), script, async (seed, steps) => {
    const world = new World(seed, sabotage)
    await world.open()
    for (const one of steps) await world.step(one)
    await world.check()
  })
  return fc.check(property, { numRuns, endOnFailure: true })
}

test(
  'under any order of operations, failures, kills and power cuts nothing is lost that was acknowledged',
  { timeout: 300_000 },
  async () => {
    const numRuns = process.env['LONG'] === '1' ? 10_000 : 500
    const outcome = await play(numRuns, (fs) => fs)
    if (outcome.failed) throw new Error(fc.defaultReportMessage(outcome))
    expect(Object.entries(counts).filter(([, count]) => count <= numRuns / 30)).toEqual([])
  },
)

/** A file system of which some functions are replaced. */
function changed(fs: FileSystem, parts: Partial<FileSystem>): FileSystem {
  return {
    stat: (at) => fs.stat(at),
    readLink: (at) => fs.readLink(at),
    readFile: (at) => fs.readFile(at),
    list: (at) => fs.list(at),
    create: (at) => fs.create(at),
    replace: (from, to, expected) => fs.replace(from, to, expected),
    remove: (at) => fs.remove(at),
    syncFolder: (at) => fs.syncFolder(at),
    watch: (at, hear, failed) => fs.watch(at, hear, failed),
    ...parts,
  }
}

// A check that finds nothing where something is wrong proves nothing.
test.each<[string, Sabotage]>([
  [
    'content that is not brought to the disk',
    (fs) => changed(fs, { create: async (at) => ({ ...(await fs.create(at)), sync: async () => undefined }) }),
  ],
  ['names that are not brought to the disk', (fs) => changed(fs, { syncFolder: async () => undefined })],
  [
    'a file that is replaced without a look',
    (fs) =>
      changed(fs, {
        replace: async (from, to) => {
          const found = await fs.stat(to)
          return fs.replace(from, to, found)
        },
      }),
  ],
  [
    'a look at the stamp of the file alone',
    (fs) =>
      changed(fs, { replace: (from, to, expected) => fs.replace(from, to, expected && { stamp: expected.stamp }) }),
  ],
])('%s is found out', { timeout: 120_000 }, async (_, sabotage) => {
  expect((await play(10_000, sabotage)).failed).toBe(true)
})
