import { join } from 'node:path'
import { type Change, type Store, createMemoryStore, createVariable, isFanlightError } from '@fanlight/core'
import { openJsonStore } from '@fanlight/store-json'
import { type MemoryDisk, createMemoryDisk } from '@fanlight/store-json/testing'
import { openLevelStore } from '@fanlight/store-level'
import { MemoryLevel } from 'memory-level'
import { Broken } from './check.ts'
import { SourceHistory, type State } from './history.ts'
import { nothing } from './memo.ts'
import type { Leaf } from './node.ts'
import type { World } from './world.ts'

/** Keeps little, so that the horizon is always near. */
function littleHistory(world: World): { commits: number } | undefined {
  return world.chance.happens(0.5) ? { commits: 5 + world.chance.below(60) } : undefined
}

/** A node with a source of its own, whose commits make its history. */
export abstract class SourceLeaf implements Leaf {
  readonly name: string
  readonly parts: readonly Leaf[] = []
  abstract store: Store
  protected readonly world: World
  readonly #sources: string[] = []

  constructor(world: World, kind: string) {
    this.world = world
    this.name = world.name(kind)
  }

  expected(point: Record<string, number>): State {
    return this.world.histories.stateOf(this.#sources, point) ?? nothing
  }

  shown(): (point: Record<string, number>) => State {
    const { source } = this
    return (point) => this.world.histories.stateOf([source], point) ?? nothing
  }

  prefixes(): readonly string[] {
    return ['']
  }

  async commit(changes: readonly Change[], basis?: number): Promise<void> {
    const { source } = this
    const keys = changes.map(({ key }) => key)
    try {
      const versions = await this.made(async () => {
        const at = await this.store.commit?.(changes, basis === undefined ? {} : { basis: { [source]: basis } })
        this.#told(source, at?.[source] ?? -1, changes)
        return at
      })
      if (basis !== undefined) await this.#check(source, keys, basis, versions?.[source] ?? -1, false)
    } catch (error) {
      if (!isFanlightError(error, 'CONFLICT')) throw error
      this.world.counters.conflicts++
      await this.#check(source, keys, basis ?? 0, Infinity, true)
    }
  }

  /** Makes a commit, and tells the history of it. */
  protected made<R>(work: () => Promise<R>): Promise<R> {
    return work()
  }

  #told(source: string, version: number, changes: readonly Change[]): void {
    this.world.histories.get(source)?.commit(version, changes)
    this.world.counters.commits++
  }

  /** A commit on a basis is a conflict where a key changed after it, and only there (section 6). */
  async #check(
    source: string,
    keys: readonly string[],
    basis: number,
    version: number,
    refused: boolean,
  ): Promise<void> {
    const history = this.world.histories.get(source)
    // What it met may still be on its way to a real disk.
    const patience = this.world.disk === undefined && this.world.mongo === undefined ? 1 : 500
    let met = false
    for (let i = 0; i < patience && !met; i++) {
      await this.world.settle(1)
      met = history?.named(keys, basis, version) === true
      if (!refused) break
    }
    if (refused ? !met : history?.changed(keys, basis, version) === true) {
      const what = refused ? 'refused' : 'took'
      throw new Broken(`section 6: ${this.name} ${what} ${keys.join()} on basis ${basis} at ${version}`)
    }
  }

  /** The store has this source from now on, with this history. */
  protected begin(source: string, history: SourceHistory): void {
    this.#sources.unshift(source)
    this.world.histories.set(source, history)
  }

  protected get source(): string {
    return this.store.sources[0] ?? ''
  }
}

/** A store in memory. */
export class MemoryLeaf extends SourceLeaf {
  readonly store: Store

  constructor(world: World) {
    super(world, 'memory')
    const history = littleHistory(world)
    this.store = createMemoryStore({ name: this.name, ...world.seams, ...(history === undefined ? {} : { history }) })
    this.begin(this.source, new SourceHistory(0, new Map()))
  }
}

/** A variable, at one key. */
export class VariableLeaf extends SourceLeaf {
  readonly store: Store

  constructor(world: World) {
    super(world, 'variable')
    this.store = createVariable<unknown>(0, { name: this.name, ...world.seams })
    this.begin(this.source, new SourceHistory(0, new Map([['', 0]])))
  }

  override async commit(changes: readonly Change[], basis?: number): Promise<void> {
    const [first] = changes
    if (first === undefined) return
    await super.commit([first.gone === true ? { key: '', gone: true } : { key: '', value: first.value }], basis)
  }
}

/** A LevelDB store, on a LevelDB in memory: it can be closed and opened, and be replaced by a backup of itself. */
export class LevelLeaf extends SourceLeaf {
  store: Store = undefined as never
  readonly #history: { commits: number } | undefined
  #db: MemoryLevel = new MemoryLevel()

  private constructor(world: World) {
    super(world, 'level')
    this.#history = littleHistory(world)
  }

  static async open(world: World): Promise<LevelLeaf> {
    const leaf = new LevelLeaf(world)
    await leaf.#open(new SourceHistory(0, new Map()))
    return leaf
  }

  restart = async (): Promise<void> => {
    this.world.counters.restarts++
    const before = this.source
    const history = this.world.histories.get(before)
    await this.store.close()
    if (history === undefined) throw new Error(`${this.name} lost its history`)
    await this.#open(history)
  }

  async #open(history: SourceHistory): Promise<void> {
    const options = {
      name: this.name,
      ...this.world.seams,
      ...(this.#history === undefined ? {} : { history: this.#history }),
    }
    const { disk } = this.world
    this.store = await (disk === undefined
      ? openLevelStore(this.name, { ...options, db: this.#db })
      : openLevelStore(join(disk, this.name), options))
    this.begin(this.source, history)
    await this.world.settle()
  }
}

/** A JSON file, on a disk in memory that can lose power: what it acknowledged must be there afterwards. */
export class JsonLeaf extends SourceLeaf {
  store: Store = undefined as never
  readonly #disk: MemoryDisk
  #process: ReturnType<MemoryDisk['mount']> | undefined

  private constructor(world: World) {
    super(world, 'json')
    this.#disk = createMemoryDisk({ clock: world.clock, random: world.chance.random })
    this.#disk.makeFolder('/data')
  }

  static async open(world: World): Promise<JsonLeaf> {
    const leaf = new JsonLeaf(world)
    await leaf.#open(new Map())
    return leaf
  }

  restart = async (): Promise<void> => {
    this.world.counters.restarts++
    const state = this.world.histories.get(this.source)?.newest ?? new Map<string, unknown>()
    if (this.world.chance.happens(0.5)) {
      this.world.counters.powerCuts++
      this.#process?.kill()
      this.#disk.cut()
      // Nothing answers a dead process: nobody waits for it.
      void this.store.close()
    } else {
      const closing = this.store.close()
      await this.world.clock.advance(2000)
      await closing
    }
    await this.#open(state)
  }

  /** Opens the file, which must hold a state: a JSON store continues nothing, and begins a source of its own. */
  async #open(state: State): Promise<void> {
    this.#process = this.#disk.mount()
    this.store = await openJsonStore(`/data/${this.name}.json`, {
      name: this.name,
      fs: this.#process,
      ...this.world.seams,
    })
    const { entries } = await this.store.fetch({})
    const found = new Map(entries.map(({ key, value }) => [key, value]))
    if (found.size !== state.size || [...state].some(([key, value]) => found.get(key) !== value)) {
      throw new Broken(
        `L4: ${this.name} holds ${JSON.stringify([...found])} after a restart, not ${JSON.stringify([...state])}`,
      )
    }
    this.begin(this.source, new SourceHistory(this.store.reached[this.source] ?? 0, state))
  }
}

/** Whether an error is one that the laws allow an answer to end with. */
export function isRefusal(error: unknown): boolean {
  return ['LOST_IN_FOG', 'STALLED', 'SOURCE_RESET', 'CLOSED', 'ABORTED'].some((code) =>
    isFanlightError(error, code as 'CLOSED'),
  )
}
