import { refuseForgotten } from './commit-checks.ts'
import type { CommitRequest } from './commit-request.ts'
import { FanlightError } from './errors.ts'
import type { CommitId, SourceId, Versions } from './store.ts'

/** What is known of the past. */
interface Past {
  readonly horizon: number
  find(id: CommitId): unknown
}

/**
 * What a store whose commits wait knows of their ids, beside its log: which have never been applied, although the horizon
 * passes their birth while they wait; and of which nobody knows, since a write failed.
 */
export class CommitIds {
  readonly #source: SourceId
  readonly #store: string
  readonly #past: Past
  readonly #resolve: (point: Versions) => Versions
  /** The first commit of each id that waits. */
  readonly #waiting = new Map<string, CommitRequest>()
  /** The version of the store when the outcome was lost, by id. */
  readonly #doubtful = new Map<string, number>()

  constructor(source: SourceId, store: string, past: Past, resolve: (point: Versions) => Versions) {
    this.#source = source
    this.#store = store
    this.#past = past
    this.#resolve = resolve
  }

  /** A commit begins to wait. */
  began(request: CommitRequest): void {
    const { id } = request
    if (id === undefined || this.#waiting.has(nameOf(id)) || this.#past.find(id) !== undefined) return
    try {
      refuseForgotten(id, this.#source, this.#store, this.#past.horizon, this.#resolve)
      this.#waiting.set(nameOf(id), request)
    } catch {
      // It may have been applied before what is known: its turn will tell.
    }
  }

  ended(request: CommitRequest): void {
    const { id } = request
    if (id !== undefined && this.#waiting.get(nameOf(id)) === request) this.#waiting.delete(nameOf(id))
  }

  /** Whether a commit has not been applied, for certain. */
  isFirst(request: CommitRequest): boolean {
    const { id } = request
    return id !== undefined && this.#waiting.get(nameOf(id)) === request && this.#past.find(id) === undefined
  }

  /** The outcome of a commit is lost. */
  doubt({ id }: CommitRequest, version: number): void {
    if (id !== undefined) this.#doubtful.set(nameOf(id), version)
  }

  /**
   * Refuses the retry of a commit whose outcome was lost.
   *
   * @throws LOST_IN_FOG, with `applied: 'unknown'`
   */
  refuseDoubtful({ id }: CommitRequest): void {
    if (id === undefined) return
    for (const [name, version] of this.#doubtful) {
      // As old as that, ids are refused without a list.
      if (version >= this.#past.horizon) break
      this.#doubtful.delete(name)
    }
    if (!this.#doubtful.has(nameOf(id))) return
    const message = `nobody knows whether commit ${id.number} was applied when ${this.#store} failed under it: read, and decide`
    throw new FanlightError('LOST_IN_FOG', message, { store: this.#store, wanted: id.born, applied: 'unknown' })
  }
}

function nameOf(id: CommitId): string {
  return `${id.number}/${id.session}`
}
