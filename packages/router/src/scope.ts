import {
  type Continued,
  FanlightError,
  type FeedState,
  type SourceId,
  type SourceState,
  type Store,
  type Supports,
  type Versions,
} from '@fanlight/core'
import { checkVersions, sourceName } from '@fanlight/core/kit'
import { badMount } from './mount.ts'

const live: SourceState = { status: 'live' }

/** From good to bad: of two stores that know one source, the worse one speaks for it. */
const severity = ['live', 'catching up', 'connecting', 'stale', 'failed'] as const

/** The table of mounts, as the source that it is. */
export interface TableVersions {
  readonly source: SourceId
  readonly oldest: number
  readonly reached: number
}

/**
 * What several stores and a table of mounts have together: their sources, and how far they are. Everything is live: a
 * store may itself be a router whose mounts change.
 */
export class Scope {
  readonly #stores: readonly Store[]
  readonly #table: TableVersions
  /** What each store said its sources are, to see whether one says something else. */
  readonly #lists: (readonly SourceId[])[] = []
  #sources: readonly SourceId[] | undefined
  #index: SourceIndex | undefined
  #asking = false

  constructor(stores: readonly Store[], table: TableVersions) {
    this.#stores = stores
    this.#table = table
  }

  /**
   * The sources of the stores, each once, and the table last.
   *
   * @throws BAD_MOUNT where a store, through others, has this very scope among its stores
   */
  get sources(): readonly SourceId[] {
    if (this.#asking) throw badMount('', 'the router would be mounted inside itself')
    this.#asking = true
    try {
      let same = true
      for (const [i, { sources }] of this.#stores.entries()) {
        if (this.#lists[i] !== sources) {
          this.#lists[i] = sources
          same = false
        }
      }
      if (!same || this.#sources === undefined) {
        const all = new Set(this.#lists.flat())
        all.delete(this.#table.source)
        this.#sources = [...all, this.#table.source]
        this.#index = undefined
      }
      return this.#sources
    } finally {
      this.#asking = false
    }
  }

  get continues(): readonly Continued[] {
    return this.#stores.flatMap((store) => store.continues ?? [])
  }

  /** A router forgets what any of its stores has forgotten. */
  get oldest(): Versions {
    const { source, oldest } = this.#table
    const versions: Record<SourceId, number> = {}
    for (const store of this.#stores) raise(versions, store.oldest)
    raise(versions, { [source]: oldest })
    return versions
  }

  /** A router has reached what all of its stores have reached that know the source. */
  get reached(): Versions {
    const { source, reached } = this.#table
    const versions: Record<SourceId, number> = {}
    for (const store of this.#stores) lower(versions, store.reached)
    lower(versions, { [source]: reached })
    return versions
  }

  get state(): FeedState {
    return mergeStates([...this.#stores.map(stateOf), { [this.#table.source]: live }])
  }

  get supports(): Supports {
    const writable = this.#stores.map(({ supports }) => supports).filter(({ commit }) => commit)
    return {
      commit: writable.length > 0,
      guard: weakestGuard(writable),
      ids: writable.length > 0 && writable.every(({ ids }) => ids),
      single: false,
      durable: this.#stores.length > 0 && this.#stores.every(({ supports }) => supports.durable),
    }
  }

  /**
   * A point from elsewhere, in the present sources: own versions stay, those of continued sources become versions of what
   * continues them, foreign ones are dropped.
   *
   * @param former stores whose sources count as own: they were mounted at the point
   * @throws BAD_QUERY, SOURCE_RESET
   */
  resolve(point: Versions, what: string, former: readonly Store[] = []): Versions {
    checkVersions(point, what)
    const { sources } = this
    const { own, names } = (this.#index ??= indexOf(sources))
    let resolved: Record<SourceId, number> | undefined
    for (const id in point) {
      if (own.has(id)) continue
      resolved ??= onlyOwn(point, own)
      const version = point[id] ?? 0
      if (former.some((store) => store.sources.includes(id))) {
        resolved[id] = version
        continue
      }
      const before = this.continues.filter((one) => one.id === id)
      const kept = before.filter(({ upTo }) => version <= upTo)
      for (const { as } of kept) resolved[as] = Math.max(version, resolved[as] ?? 0)
      if (kept.length === 0 && (before.length > 0 || names.has(sourceName(id)))) throw foreign(id, version)
    }
    return resolved ?? point
  }
}

/** The sources of a scope, to look them up. */
interface SourceIndex {
  readonly own: ReadonlySet<SourceId>
  readonly names: ReadonlySet<string>
}

function indexOf(sources: readonly SourceId[]): SourceIndex {
  return { own: new Set(sources), names: new Set(sources.map(sourceName)) }
}

function onlyOwn(point: Versions, own: ReadonlySet<SourceId>): Record<SourceId, number> {
  return Object.fromEntries(Object.entries(point).filter(([id]) => own.has(id)))
}

/** The error for a point of a history that is not this one. */
export function foreign(id: SourceId, version: number): FanlightError {
  const message = `version ${version} of ${id} is of a history that this router does not continue: forget it and read anew`
  return new FanlightError('SOURCE_RESET', message, { source: id, wanted: { [id]: version } })
}

/** Raises `versions` to what `other` says, source by source. */
export function raise(versions: Record<SourceId, number>, other: Versions): void {
  for (const id in other) {
    const version = other[id] ?? 0
    const held = versions[id]
    if (held === undefined || held < version) versions[id] = version
  }
}

/** Lowers `versions` to what `other` says, source by source; a source that is new comes in. */
export function lower(versions: Record<SourceId, number>, other: Versions): void {
  for (const id in other) {
    const version = other[id] ?? 0
    const held = versions[id]
    if (held === undefined || held > version) versions[id] = version
  }
}

/** How the sources of a store stand. */
function stateOf(store: Store): FeedState {
  return store.state ?? Object.fromEntries(store.sources.map((source) => [source, live]))
}

/** For each source the worst that anyone says of it. */
export function mergeStates(states: readonly FeedState[]): FeedState {
  const merged: Record<SourceId, SourceState> = {}
  for (const state of states) {
    for (const [source, one] of Object.entries(state)) {
      const held = merged[source]
      if (held === undefined || severity.indexOf(held.status) < severity.indexOf(one.status)) merged[source] = one
    }
  }
  return merged
}

function weakestGuard(writable: readonly Supports[]): Supports['guard'] {
  if (writable.length === 0 || writable.some(({ guard }) => guard === 'none')) return 'none'
  return writable.every(({ guard }) => guard === 'ranges') ? 'ranges' : 'keys'
}

/** The part of a point that a store can make something of; undefined where that is nothing. */
export function pointOf(store: Pick<Store, 'sources'>, point: Versions | undefined): Versions | undefined {
  if (point === undefined) return undefined
  let part: Record<SourceId, number> | undefined
  for (const source of store.sources) {
    const version = point[source]
    if (version !== undefined) (part ??= {})[source] = version
  }
  return part
}
