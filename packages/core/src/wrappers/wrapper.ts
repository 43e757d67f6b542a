import { onAbort } from '../on-abort.ts'
import { failedCommit } from '../base-store.ts'
import { FanlightError } from '../errors.ts'
import type {
  Change,
  ChangesOptions,
  CommitOptions,
  Continued,
  Feed,
  FeedState,
  FetchOptions,
  Query,
  Snapshot,
  SourceId,
  Store,
  Supports,
  Types,
  Update,
  ValueAt,
  Versions,
  WatchOptions,
} from '../store.ts'
import { reaches } from '../versions.ts'
import { Lifetime } from './lifetime.ts'
import { type FeedMapping, MappedFeed } from './map-feed.ts'

/** How a wrapper shows its store: what is left out stays as it is. */
export interface Mapping extends FeedMapping {
  readonly snapshot?: (snapshot: Snapshot, query: Query) => Snapshot
}

/** Changes several keys as one: a method that a store may have. */
type Commit<T extends Types> = NonNullable<Store<T>['commit']>

/**
 * A store that shows another one in another way, with the same sources. It does not own that store: closing it ends what
 * was asked through it, and leaves the store open.
 */
export abstract class Wrapper<T extends Types> implements Store<T> {
  declare readonly '~types'?: T
  protected readonly inner: Store
  protected readonly life: Lifetime
  readonly #mapping: Mapping

  /**
   * @param inner   the store that is shown
   * @param name    what the wrapper is called in errors
   * @param mapping how the store is shown
   */
  constructor(inner: Store<Types>, name: string, mapping: Mapping = {}) {
    this.inner = inner as Store
    this.life = new Lifetime(name)
    this.#mapping = mapping
  }

  get sources(): readonly SourceId[] {
    return this.inner.sources
  }

  get supports(): Supports {
    return this.inner.supports
  }

  get continues(): readonly Continued[] | undefined {
    return this.inner.continues
  }

  get oldest(): Versions {
    return this.inner.oldest
  }

  get reached(): Versions {
    return this.inner.reached
  }

  get state(): FeedState | undefined {
    return this.inner.state
  }

  fetch<const Q extends Query>(query: Q, options?: FetchOptions): Promise<Snapshot<ValueAt<T, Q>>> {
    const { snapshot } = this.#mapping
    const found = this.#run(options, options?.min, (signal) => {
      const asked = signal === undefined ? options : { ...options, signal }
      const answer = this.inner.fetch(this.#inside(query), asked)
      return snapshot === undefined ? answer : answer.then((one) => snapshot(one, query))
    })
    return found as Promise<Snapshot<ValueAt<T, Q>>>
  }

  changes<const Q extends Query>(query: Q, options: ChangesOptions): Promise<Update<ValueAt<T, Q>>> {
    const { update } = this.#mapping
    const found = this.#run(options, options?.until, (signal) => {
      const asked = signal === undefined ? options : { ...options, signal }
      const answer = this.inner.changes(this.#inside(query), asked)
      return update === undefined ? answer : answer.then(update)
    })
    return found as Promise<Update<ValueAt<T, Q>>>
  }

  watch<const Q extends Query>(query: Q, options?: WatchOptions): Feed<ValueAt<T, Q>> {
    this.life.assertOpen()
    return this.shown(this.inner.watch(this.#inside(query), options), options?.signal) as Feed<ValueAt<T, Q>>
  }

  /** Ends its feeds and waits with CLOSED; commits that are under way come to their end. The store inside stays open. */
  close(): Promise<void> {
    return this.life.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** A feed of the store inside as the wrapper shows it, which ends with the wrapper. */
  protected shown(feed: Feed, signal: AbortSignal | undefined): Feed {
    const { life } = this
    const mapped = new TrackedFeed(feed, this.#mapping)
    const stop = life.onClose((why: FanlightError) => void mapped.end(why))
    const deaf = signal === undefined ? undefined : onAbort(signal, stop)
    mapped.ended = () => {
      stop()
      deaf?.()
    }
    return mapped
  }

  #inside(query: Query): Query {
    return this.#mapping.query?.(query) ?? query
  }

  #run<R>(
    options: { readonly signal?: AbortSignal | undefined } | undefined,
    least: Versions | undefined,
    work: (signal: AbortSignal | undefined) => Promise<R>,
  ): Promise<R> {
    const mayWait = least !== undefined && !reaches(this.inner.reached, least)
    const run = this.life.run(options?.signal, mayWait, work)
    const { error } = this.#mapping
    if (error === undefined) return run
    return run.catch((why: unknown) => {
      throw error(why)
    })
  }
}

/** A wrapper that takes commits as long as the store inside does. */
export abstract class WritableWrapper<T extends Types> extends Wrapper<T> {
  /** Live, as `supports` is: there as long as the store inside has one. */
  get commit(): Commit<T> {
    return (this.inner.commit === undefined ? undefined : this.#commit) as Commit<T>
  }

  readonly #commit = (changes: readonly Change[], options?: CommitOptions): Promise<Versions> => {
    try {
      this.life.assertOpen()
      // Closing waits for it.
      return this.life.finish(this.committed(changes, options))
    } catch (error) {
      return Promise.reject(failedCommit(error, 'no'))
    }
  }

  /** How a commit is made through the wrapper. What it throws at once counts as not applied. */
  protected abstract committed(changes: readonly Change[], options: CommitOptions | undefined): Promise<Versions>

  /**
   * A commit to the store inside.
   *
   * @throws READ_ONLY where that takes none any more
   */
  protected commitInside(changes: readonly Change[], options: CommitOptions | undefined): Promise<Versions> {
    const { inner } = this
    if (inner.commit !== undefined) return inner.commit(changes, options)
    throw new FanlightError('READ_ONLY', 'the store inside takes no commits any more: look at `commit` before each', {
      applied: 'no',
    })
  }
}

/** A feed that its wrapper knows of until it ends. */
class TrackedFeed extends MappedFeed {
  ended: (() => void) | undefined

  override end(why: FanlightError): Promise<void> {
    this.ended?.()
    return super.end(why)
  }
}
