import {
  type Change,
  type CommitOptions,
  FanlightError,
  type Query,
  type Range,
  type SourceId,
  type Store,
  type Versions,
} from '@fanlight/core'
import { assertKey, cutKey, factsOf, failedCommit, promised, rangeOf, readQuery, type Span } from '@fanlight/core/kit'
import { refuseAborted, type RouterHost, tableAt } from './host.ts'
import { type Mount, sameMount, spanInStore } from './mount.ts'
import { pointOf, raise } from './scope.ts'
import { changedSpans, type Table } from './table.ts'

/** Changes several keys of one store as one: a commit goes to one store object, whole, or not at all (L4). */
export function commitTo(host: RouterHost, changes: readonly Change[], options: CommitOptions = {}): Promise<Versions> {
  return promised(() => {
    host.assertOpen()
    refuseAborted(host, options.signal)
    const { current } = host.tables
    const route = new Route(current)
    route.add(changes)
    const guard =
      options.guard === undefined ? undefined : route.guard(readQuery(options.guard, host.limits.ranges).list)
    const basis = options.basis === undefined ? undefined : host.resolve(options.basis, 'basis')
    if (basis !== undefined) refuseMoved(host, route, basis)
    if (route.store === undefined) return commitNothing(host, current, options)
    return commitAt(host, route.store, route.changes, { ...options, basis, guard }).catch((error: unknown) => {
      throw route.lifted(error)
    })
  }).catch((error: unknown) => {
    throw failedCommit(error, 'no')
  })
}

/** A commit in the keys and sources of its store. */
function commitAt(
  host: RouterHost,
  store: Store,
  changes: readonly Change[],
  options: CommitOptions,
): Promise<Versions> {
  const { basis, id } = options
  if (store.commit === undefined) throw readOnly('what is mounted there takes no commits: commit to what it is made of')
  return store.commit(changes, {
    ...options,
    basis: basis === undefined ? undefined : (pointOf(store, basis) ?? {}),
    id: id === undefined ? undefined : { ...id, born: bornAt(host, store, id.born) },
  })
}

/** Without changes and guard there is no store to choose; but whoever knows the id of another commit must say so. */
async function commitNothing(host: RouterHost, { stores }: Table, options: CommitOptions): Promise<Versions> {
  const writable = stores.filter(({ supports }) => supports.commit)
  if (stores.length === 0) throw new FanlightError('NOT_MOUNTED', 'nothing is mounted: mount a store first')
  if (writable.length === 0) throw readOnly('nothing that is mounted takes commits: commit to what it is made of')
  const versions: Record<SourceId, number> = {}
  if (options.id === undefined && writable.length > 1) {
    for (const { reached } of writable) raise(versions, reached)
    return versions
  }
  for (const made of await Promise.all(writable.map((store) => commitAt(host, store, [], options))))
    raise(versions, made)
  return versions
}

/** What a commit's maker held of this store, and of stores that nobody here knows; other mounts are not its business. */
function bornAt(host: RouterHost, store: Store, born: Versions): Versions {
  const own = new Set(store.sources)
  const others = new Set(host.sources)
  return Object.fromEntries(Object.entries(born).filter(([id]) => own.has(id) || !others.has(id)))
}

/**
 * A key that went to another mount after the basis has changed after it.
 *
 * @throws CONFLICT, LOST_IN_FOG
 */
function refuseMoved(host: RouterHost, route: Route, basis: Versions): void {
  const { tables, name } = host
  const version = basis[tables.source]
  if (version === undefined || route.mounts.every(({ since }) => since <= version)) return
  const before = tableAt(host, version)
  const keys = [...route.keys.values()].filter((key) => !sameMount(before.find(key), tables.current.find(key)))
  const guarded = changedSpans(before, tables.current, route.guarded)
  if (keys.length + guarded.length === 0) return
  throw new FanlightError('CONFLICT', 'other stores were mounted there after the basis: read again, then commit', {
    store: name,
    source: tables.source,
    keys: [...keys, ...guarded.map(({ lo }) => lo)],
    applied: 'no',
  })
}

/** Where a commit goes, and what it is there. */
class Route {
  readonly changes: Change[] = []
  /** The key in the router of each key in the store. */
  readonly keys = new Map<string, string>()
  readonly mounts: Mount[] = []
  guarded: readonly Span[] = []
  readonly #table: Table

  constructor(table: Table) {
    this.#table = table
  }

  /** The one store that it goes to; undefined: it names no key. */
  get store(): Store | undefined {
    return this.mounts[0]?.store
  }

  /** @throws BAD_QUERY, BAD_KEY, NOT_MOUNTED, NOT_ATOMIC */
  add(changes: readonly Change[]): void {
    if (!Array.isArray(changes)) throw badChange('a commit takes a list of changes')
    for (const change of changes as readonly (Change | null)[]) {
      if (typeof change !== 'object' || change === null) throw badChange('a commit takes changes')
      assertKey(change.key)
    }
    for (const change of changes as readonly Change[]) {
      const { key } = change
      const mount = this.#table.find(key)
      if (mount === undefined) {
        throw new FanlightError(
          'NOT_MOUNTED',
          `nothing is mounted at ${JSON.stringify(key)}: mount a store there first`,
          { keys: [key] },
        )
      }
      this.#visit(mount, key)
      const own = cutKey(key, mount.prefix.length)
      const other = this.keys.get(own)
      if (other !== undefined) throw oneKeyTwice(other, key)
      this.keys.set(own, key)
      this.changes.push(change.gone === true ? { key: own, gone: true } : { key: own, value: change.value })
    }
  }

  /** The ranges to guard, in the keys of the store. */
  guard(spans: readonly Span[]): Query {
    const ranges: Range[] = []
    for (const span of spans) {
      for (const { lo, hi, mount } of this.#table.pieces(span.lo, span.hi)) {
        if (mount === undefined) continue
        this.#visit(mount, lo)
        const { limit, reverse } = span
        ranges.push(rangeOf({ ...spanInStore(mount, lo, hi), limit, reverse }))
      }
    }
    this.guarded = spans
    return ranges
  }

  /** The error of the store, in the keys of the router. */
  lifted(error: unknown): unknown {
    const prefix = this.mounts[0]?.prefix ?? ''
    if (!(error instanceof FanlightError) || prefix === '') return error
    const keys = error.keys?.map((key) => this.keys.get(key) ?? prefix + key)
    return new FanlightError(error.code, `under '${prefix}': ${error.message}`, { ...factsOf(error), keys })
  }

  #visit(mount: Mount, key: string): void {
    const [first] = this.mounts
    if (this.mounts.includes(mount)) return
    this.mounts.push(mount)
    if (first === undefined || first.store === mount.store) return
    const message = `'${first.prefix}' and '${mount.prefix}' are different stores: a commit goes to one of them`
    throw new FanlightError('NOT_ATOMIC', message, { keys: [...this.keys.values(), key], applied: 'no' })
  }
}

function readOnly(why: string): FanlightError {
  return new FanlightError('READ_ONLY', why, { applied: 'no' })
}

function badChange(what: string): FanlightError {
  return new FanlightError('BAD_QUERY', `${what}: put(key, value) or del(key)`)
}

function oneKeyTwice(one: string, other: string): FanlightError {
  const keys = one === other ? [one] : [one, other]
  const message = one === other ? 'stands in it twice' : `and ${JSON.stringify(other)} are one key of one store`
  return new FanlightError('BAD_KEY', `a commit changes each key once: ${JSON.stringify(one)} ${message}`, { keys })
}
