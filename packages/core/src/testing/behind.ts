import { BaseStore } from '../base-store.ts'
import type { Spans } from '../ranges.ts'
import type { Difference, Reading } from '../reading.ts'
import type {
  Continued,
  Feed,
  FeedState,
  SourceId,
  Store,
  Supports,
  Update,
  Versions,
  WatchOptions,
  Window,
} from '../store.ts'
import { mergeVersions, reaches } from '../versions.ts'
import type { LaggingOptions } from './lagging.ts'

/** What the store under it did, and is not shown yet. */
interface Step {
  readonly versions: Versions
  readonly keys: readonly string[]
}

/** The state of a lagging store: a point of another store's past that moves when it is told. */
export class Behind extends BaseStore {
  readonly #store: Store
  readonly #feed: Feed
  readonly #delayMs: number | undefined
  /** All keys that the store under it held at some time: a replacement may have removed any of them. */
  readonly #keys = new Set<string>()
  #steps: Step[] = []
  #reached: Versions
  #reading: Promise<void> | undefined

  constructor(store: Store, options: LaggingOptions) {
    super({ clock: options.clock, name: options.name }, 'lagging')
    this.#store = store
    this.#delayMs = options.delayMs
    this.#reached = store.reached
    this.#feed = store.watch({})
    void this.#listen()
    this.#feed.wake(() => void this.#listen())
  }

  override get sources(): readonly SourceId[] {
    return this.#store.sources
  }

  override get supports(): Supports {
    return this.#store.supports
  }

  override get continues(): readonly Continued[] {
    return this.#store.continues ?? []
  }

  override get state(): FeedState {
    return this.#store.state ?? super.state
  }

  override get oldest(): Versions {
    return least(this.#store.oldest, this.#reached)
  }

  override get reached(): Versions {
    return this.#reached
  }

  /** How it is followed: while the store under it has reached nothing, since it is still reading, a first answer waits. */
  patient(options: WatchOptions): WatchOptions {
    const unknown = this.sources.filter((source) => !(source in this.#reached))
    if (unknown.length === 0) return options
    return { ...options, min: { ...Object.fromEntries(unknown.map((source) => [source, 0])), ...options.min } }
  }

  /** Moves on to a point, or by one step. */
  step(to?: Versions): Promise<void> {
    const read = this.#listen()
    const move = (): void => this.#move(to ?? this.#steps[0]?.versions ?? this.#feed.versions)
    if (read !== undefined) return read.then(move)
    move()
    return Promise.resolve()
  }

  /** Moves on to the newest point. */
  catchUp(): Promise<void> {
    const read = this.#listen()
    if (read !== undefined) return read.then(() => this.#move(this.#feed.versions))
    this.#move(this.#feed.versions)
    return Promise.resolve()
  }

  protected override async read(spans: Spans, at: Versions): Promise<Reading> {
    const { entries, windows, more } = await this.#store.fetch(spans.query, { min: at, max: at })
    const clipped: Record<SourceId, Window> = {}
    for (const [source, { from, to }] of Object.entries(windows)) {
      clipped[source] = { from, to: Math.min(to, this.#reached[source] ?? to) }
    }
    return { entries, windows: clipped, more }
  }

  protected override async difference(spans: Spans, since: Versions, until: Versions): Promise<Difference> {
    const { replace, changes, folded } = await this.#store.changes(spans.query, { since, until })
    return { replace, changes, folded }
  }

  protected override async release(): Promise<void> {
    await this.#feed.close()
    await this.#store.close()
  }

  /** Takes what the store under it tells, as soon as it does, so that nothing is lost when that forgets its past. */
  #listen(): Promise<void> | undefined {
    if (this.#reading !== undefined || this.isClosed) return this.#reading
    for (;;) {
      let update: ReturnType<Feed['take']>
      try {
        update = this.#feed.take()
      } catch {
        // The store under it was closed: there is nothing more to show.
        return undefined
      }
      if (update instanceof Promise) {
        const done = (taken: Update | undefined): Promise<void> | undefined => {
          this.#reading = undefined
          this.#note(taken)
          return taken === undefined ? undefined : this.#listen()
        }
        // It fails where the store under it was closed: then there is nothing more to show.
        this.#reading = update.then(done, () => undefined)
        return this.#reading
      }
      this.#note(update)
      if (update === undefined) return undefined
    }
  }

  #note(update: Update | undefined): void {
    const versions = update?.versions ?? this.#feed.versions
    const touched = update?.changes.map(({ key }) => key) ?? []
    if (update?.replace !== undefined) {
      for (const { key } of update.replace.entries) this.#keys.add(key)
      for (const key of this.#keys) touched.push(key)
    }
    for (const key of touched) this.#keys.add(key)
    if (reaches(this.#steps.at(-1)?.versions ?? this.#reached, versions)) return
    this.#steps.push({ versions, keys: touched })
    if (this.#delayMs !== undefined) this.clock.after(this.#delayMs, () => this.#move(versions))
    if (!reaches(this.#reached, this.#store.oldest)) this.#move(this.#store.oldest)
  }

  /** Shows what is known up to a point. */
  #move(to: Versions): void {
    const next = mergeVersions(this.#reached, least(to, this.#feed.versions))
    if (this.isClosed || reaches(this.#reached, next)) return
    const keys: string[] = []
    // There may be more keys than a call takes arguments.
    while (this.#steps[0] !== undefined && reaches(next, this.#steps[0].versions)) {
      for (const key of this.#steps.shift()?.keys ?? []) keys.push(key)
    }
    // The point may lie inside of the next step: part of what that touched is shown already.
    for (const key of this.#steps[0]?.keys ?? []) keys.push(key)
    this.#reached = next
    this.advanced(keys)
  }
}

/** Source by source the lesser of two versions; a source that `a` does not name is as in `b`. */
function least(a: Versions, b: Versions): Versions {
  const point: Record<SourceId, number> = {}
  for (const [source, version] of Object.entries(b)) point[source] = Math.min(a[source] ?? version, version)
  return point
}
