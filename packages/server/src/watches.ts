import { createSession, type Feed, type Store, type Update, type Versions } from '@fanlight/core'
import { leastOf, readQuery, reaches } from '@fanlight/core/kit'
import {
  encode,
  encodeAround,
  type Id,
  Kind,
  packChanges,
  packEntries,
  packError,
  type Watch,
} from '@fanlight/protocol'
import { guarded, pieces, type PieceSize } from './bodies.ts'
import type { Shared } from './shared.ts'

/** A query that a connection follows. */
interface Watched {
  readonly id: Id
  readonly feed: Feed
  /** Whether it begins with the whole answer. */
  readonly isFresh: boolean
  /** Whether its client was told that it is followed: from its first take on. */
  isTold: boolean
}

/** What was taken of one query. */
type Taken = readonly [watched: Watched, update: Update | undefined]

/** What stands around the body of an update, but for its versions. */
const envelopeBytes = 64

/**
 * The queries that one connection follows. They are feeds of one session, so that each step brings all of them to one point
 * (L5); they are taken from when the connection has room, so that a slow reader costs one point (L8).
 */
export class Watches {
  readonly #session: Store<object>
  readonly #shared: Shared
  readonly #size: PieceSize
  readonly #wake: () => void
  readonly #watched = new Map<Id, Watched>()
  readonly #dirty = new Set<Watched>()
  /** The point that the client was told last. */
  #told: Versions = {}
  #stepping = false

  /**
   * @param size how long messages may be
   * @param wake there may be something to take
   */
  constructor(store: Store<object>, shared: Shared, size: PieceSize, wake: () => void) {
    this.#session = createSession(store)
    this.#shared = shared
    this.#size = size
    this.#wake = wake
  }

  get size(): number {
    return this.#watched.size
  }

  /** Whether a step is being taken. */
  get isStepping(): boolean {
    return this.#stepping
  }

  has(id: Id): boolean {
    return this.#watched.has(id)
  }

  /**
   * Follows a query from a point.
   *
   * @throws BAD_QUERY, BAD_KEY, TOO_MANY
   */
  add([, id, query, since]: Watch): void {
    readQuery(query)
    const feed = this.#session.watch(query, since === null ? {} : { since })
    const watched: Watched = { id, feed, isFresh: since === null, isTold: false }
    this.#watched.set(id, watched)
    this.#dirty.add(watched)
    feed.wake(() => {
      this.#dirty.add(watched)
      this.#wake()
    })
  }

  remove(id: Id): void {
    const watched = this.#watched.get(id)
    if (watched === undefined) return
    this.#watched.delete(id)
    this.#dirty.delete(watched)
    void watched.feed.close()
  }

  /**
   * Takes what there is.
   *
   * @param all  also those for which nothing changed: to tell how far they are
   * @param send gets the messages of the step; it is over when they have been handed to the connection
   */
  step(all: boolean, send: (messages: Iterator<Uint8Array, void>) => void): void {
    if (this.#stepping) return
    const some: Watched[] = []
    for (const watched of this.#watched.values()) {
      const isDirty = this.#dirty.has(watched)
      if (isDirty || (all && !reaches(watched.feed.versions, watched.feed.reached))) some.push(watched)
    }
    if (some.length === 0 && !all) return
    for (const watched of some) this.#dirty.delete(watched)
    const taken: Taken[] = []
    const failed: (readonly [Watched, unknown])[] = []
    const waits: Promise<void>[] = []
    for (const watched of some) {
      const fail = (error: unknown): void => void failed.push([watched, error])
      try {
        const update = watched.feed.take()
        if (update instanceof Promise) waits.push(update.then((one) => void taken.push([watched, one]), fail))
        else taken.push([watched, update])
      } catch (error) {
        fail(error)
      }
    }
    if (waits.length === 0) return send(this.#messages(taken, failed))
    this.#stepping = true
    void Promise.all(waits).then(() => {
      this.#stepping = false
      send(this.#messages(taken, failed))
      if (this.#dirty.size > 0) this.#wake()
    })
  }

  close(): void {
    for (const id of this.#watched.keys()) this.remove(id)
    void this.#session.close()
  }

  /** Decides at once what is told, and makes the messages as there is room for them. */
  #messages(taken: readonly Taken[], failed: readonly (readonly [Watched, unknown])[]): Iterator<Uint8Array, void> {
    const messages: (Uint8Array | Iterable<Uint8Array>)[] = []
    // Its id may be that of another query by now.
    const isHere = (watched: Watched): boolean => this.#watched.get(watched.id) === watched
    const here = taken.filter(([watched]) => isHere(watched))
    for (const [watched, error] of failed) {
      if (!isHere(watched)) continue
      this.remove(watched.id)
      messages.push(encode([Kind.ended, watched.id, packError(error)]))
    }
    for (const [watched, update] of here) {
      // A first answer that has not come says nothing yet.
      if (watched.isTold || (watched.isFresh && update === undefined)) continue
      watched.isTold = true
      messages.push(encode([Kind.watching, watched.id]))
    }
    const point = this.#point()
    for (const [{ id }, update] of here) {
      if (update === undefined) continue
      const versions = isSame(update.versions, point) ? null : update.versions
      const body = this.#shared.body(update)
      if (body.length + envelopeBytes < this.#size.pieceBytes) {
        messages.push(
          versions === null ? this.#shared.update(id, update) : encodeAround([Kind.update, id, versions], body),
        )
      } else {
        const failed = (error: unknown): Uint8Array => {
          this.remove(id)
          return encode([Kind.ended, id, packError(error)])
        }
        messages.push(guarded(inPieces(id, versions, update, this.#size), failed))
      }
    }
    if (messages.length > 0 || !isSame(point, this.#told)) messages.push(this.#shared.step(point))
    this.#told = point
    return flat(messages)
  }

  /** The point to which all that was told of is told; where nothing of a source is followed, how far that is. */
  #point(): Versions {
    const told: Versions[] = []
    for (const { isTold, feed } of this.#watched.values()) if (isTold) told.push(feed.versions)
    const { reached } = this.#session
    const least = leastOf(told)
    return Object.keys(reached).every((source) => source in least) ? least : { ...reached, ...least }
  }
}

function* flat(messages: readonly (Uint8Array | Iterable<Uint8Array>)[]): Generator<Uint8Array, void> {
  for (const message of messages) {
    if (message instanceof Uint8Array) yield message
    else yield* message
  }
}

/** An update that does not fit into one frame. */
function* inPieces(
  id: Id,
  versions: Versions | null,
  { replace, changes, folded }: Update,
  size: PieceSize,
): Generator<Uint8Array, void> {
  if (replace !== undefined) {
    yield* pieces(packEntries(replace.entries), size, (some) => [Kind.part, id, some])
  }
  yield* pieces(packChanges(changes), size, (some) => [Kind.changed, id, some])
  const replaced = replace === undefined ? null : [replace.ranges, []]
  yield encode([Kind.update, id, versions, [replaced, [], folded]])
}

function isSame(a: Versions, b: Versions): boolean {
  return a === b || (reaches(a, b) && reaches(b, a))
}
