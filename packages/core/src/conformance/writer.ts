import { isFanlightError } from '../errors.ts'
import type { Change, CommitOptions, Versions } from '../store.ts'
import { reaches } from '../versions.ts'
import type { Bench } from './bench.ts'
import { ensure, same, settle, show } from './check.ts'
import { checkCommitted, checkConflict } from './check-commit.ts'
import type { Op, Pick } from './script.ts'
import { type World, newest } from './world.ts'

interface Made {
  readonly changes: readonly Change[]
  readonly options: CommitOptions
  readonly versions: Versions
}

/** Commits and retries, many at once where the store takes commits itself. */
export class Writer {
  readonly #world: World
  #made: Made[] = []
  #ended: Promise<unknown> = Promise.resolve()
  #ids = 0

  constructor(world: World) {
    this.#world = world
  }

  /** When all that is under way has ended. */
  get ended(): Promise<unknown> {
    return this.#ended
  }

  /** Forgets what was made: the store is another one. */
  forget(): void {
    this.#made = []
  }

  write({ picks, basis, guard, id }: Extract<Op, { do: 'write' }>): Promise<void> {
    const { bench } = this.#world
    const changes = changesOf(bench, picks)
    const own = bench.commitsWhatItShows && (id || basis !== undefined)
    if (bench.setup.write !== undefined && !own) return this.#inTurn(() => this.#write(changes))
    const options = (): CommitOptions => ({
      ...(basis === undefined ? {} : { basis: this.#world.point(basis) }),
      ...(basis === undefined || guard === undefined ? {} : { guard }),
      ...(id && bench.store.supports.ids ? { id: { session: 'random', number: ++this.#ids, born: bench.latest } } : {}),
    })
    // Beside what the setup writes, commits go in turn too: its versions need not say which source it moved. An id is born
    // in its turn, since the horizon may have moved until then.
    if (bench.setup.write !== undefined) return this.#inTurn(() => this.#commit(changes, options()))
    const write = this.#commit(changes, options())
    this.#ended = Promise.allSettled([this.#ended, write])
    return write
  }

  #inTurn(write: () => Promise<void>): Promise<void> {
    const written = this.#ended.then(write)
    this.#ended = written.catch(() => undefined)
    return written
  }

  async #write(changes: readonly Change[]): Promise<void> {
    const { bench } = this.#world
    bench.recorded(await bench.commit(changes), changes)
    this.#world.saw(bench.latest)
  }

  async #commit(changes: readonly Change[], options: CommitOptions): Promise<void> {
    const { bench } = this.#world
    const { store, model } = bench
    ensure(store.commit !== undefined, 'supports says that it takes commits')
    const before = store.reached
    try {
      const versions = await store.commit(changes, options)
      const after = reaches({ ...before, ...versions }, before) && !reaches(before, versions)
      ensure(after, () => `a commit got ${show(versions)} when ${show(before)} was reached`)
      bench.recordedInOrder(versions, changes)
      this.#made.push({ changes, options, versions })
      this.#world.saw(bench.latest, bench.present(model.canonical(versions)))
      this.#world.later(() => checkCommitted(model, changes, options, versions))
    } catch (error) {
      this.#refused(error, changes, options)
    }
  }

  #refused(error: unknown, changes: readonly Change[], options: CommitOptions): void {
    const { bench, traffic } = this.#world
    const { model } = bench
    if (!isFanlightError(error)) throw error
    const { id } = options
    // While a commit travels, others may push the horizon past the point at which its id was born: then nobody knows.
    if (error.code === 'LOST_IN_FOG' && error.applied === 'unknown' && id !== undefined && this.#world.isLost(id.born))
      return
    same(error.applied, 'no', `applied of ${show(error)}`)
    const { basis, guard } = options
    if (error.code === 'LOST_IN_FOG' && basis !== undefined && this.#world.isLostBasis(basis)) return
    // A guard may lie in another store than the keys.
    if (error.code === 'NOT_ATOMIC' && guard !== undefined && bench.setup.place !== undefined) return
    if (error.code !== 'CONFLICT') throw error
    traffic.conflicts++
    this.#world.later(() => checkConflict(model, changes, options, error))
  }

  async retry(index: number): Promise<void> {
    const { bench } = this.#world
    const known = this.#made.filter(({ options }) => options.id !== undefined)
    const commit = newest(known, index)
    if (commit === undefined) return
    const { changes, options, versions } = commit
    const { error, value } = await settle(bench.store.commit?.(changes, options) ?? Promise.resolve(versions))
    const { model } = bench
    if (error === undefined) {
      return same(model.canonical(value as Versions), model.canonical(versions), 'section 6: a retry')
    }
    const unknown = isFanlightError(error, 'LOST_IN_FOG') && error.applied === 'unknown'
    ensure(unknown || isFanlightError(error, 'CLOSED'), () => `section 6: a retry ended with ${show(error)}`)
  }
}

/** The changes of a commit: those of the first key's place, each key once. */
function changesOf(bench: Bench, picks: readonly Pick[]): readonly Change[] {
  const place = bench.place(picks[0]?.key ?? '')
  const chosen = new Map<string, Change>()
  for (const { key, gone, value } of picks) {
    if (bench.place(key) !== place) continue
    const put = (): Change => ({ key, value: bench.setup.values === undefined ? bench.value() : value })
    chosen.set(key, gone ? { key, gone: true } : put())
  }
  return [...chosen.values()]
}
