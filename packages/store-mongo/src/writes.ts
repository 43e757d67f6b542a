import { FanlightError } from '@fanlight/core'
import type { CommitRequest } from '@fanlight/core/kit'
import { BSON, type ClientSession, type Document, MongoServerError } from 'mongodb'
import { isTransient } from './errors.ts'
import { lockName } from './events.ts'
import { documentOf } from './keys/document-key.ts'
import type { Ledger } from './ledger.ts'
import { documentFrom } from './values.ts'

/** What a commit writes to one collection. */
export interface Writes {
  readonly collection: string
  readonly updates: readonly Document[]
  readonly deletes: readonly Document[]
  /** Documents that must stay as they are. */
  readonly locks: readonly Document[]
}

/** So much goes to the server in one command: bytes, and writes. */
const commandBytesMax = 2 ** 22
const commandWritesMax = 10_000

/** Holds a document for the transaction, as only a write does; the second write takes back what the first one put there. */
const lockOn = { $set: { [lockName]: true } }
const lockOff = { $unset: { [lockName]: true } }

/**
 * The keys in a guard.
 *
 * @throws UNSUPPORTED for ranges
 */
export function guardedKeys({ guard }: CommitRequest): string[] {
  return (guard?.list ?? []).map(({ lo, hi }) => {
    if (hi === `${lo}\0`) return lo
    throw new FanlightError('UNSUPPORTED', 'MongoDB cannot guard ranges, only single keys that are there')
  })
}

/**
 * What a commit writes, by collection.
 *
 * @throws BAD_KEY, BAD_VALUE, READ_ONLY, TOO_LARGE, UNSUPPORTED
 */
export function readWrites(request: CommitRequest, ledger: Ledger): readonly Writes[] {
  const all = new Map<string, { collection: string; updates: Document[]; deletes: Document[]; locks: Document[] }>()
  const of = (key: string): { own: NonNullable<ReturnType<typeof all.get>>; _id: unknown } => {
    const { collection, id } = documentOf(key)
    refuseOthers(key, collection, ledger)
    let own = all.get(collection)
    if (own === undefined) all.set(collection, (own = { collection, updates: [], deletes: [], locks: [] }))
    return { own, _id: id }
  }
  for (const { key, value, gone } of request.changes) {
    const { own, _id } = of(key)
    if (gone === true) own.deletes.push({ q: { _id }, limit: 1 })
    else own.updates.push({ q: { _id }, u: documentFrom(value, key), upsert: true })
  }
  const changed = new Set(request.changes.map(({ key }) => key))
  for (const key of guardedKeys(request)) {
    if (changed.has(key)) continue
    const { own, _id } = of(key)
    // A document that has a member of this name would lose it.
    own.locks.push({ _id, [lockName]: { $exists: false } })
  }
  return [...all.values()]
}

function refuseOthers(key: string, collection: string, { scope, name: store }: Ledger): void {
  if (!scope.has(collection)) {
    const message = `${JSON.stringify(key)}: the store does not show the collection ${collection}: name it in \`collections\``
    throw new FanlightError('BAD_KEY', message, { store, keys: [key] })
  }
  if (scope.filterOf(collection) === undefined) return
  const message = `of ${collection} only some documents are shown: what is written might not be one of them, so it is read-only`
  throw new FanlightError('READ_ONLY', message, { store, keys: [key] })
}

/**
 * Writes it all, in a transaction.
 *
 * @param holdsAbsent whether what is not there, and is deleted, is held: to delete it writes nothing, and others could put it
 *   there before the commit, which would then have deleted nothing at its version. Once made and deleted, it conflicts
 * @returns how many documents are other than before
 */
export async function write(
  writes: readonly Writes[],
  holdsAbsent: boolean,
  { db, catalog, name: store }: Ledger,
  session: ClientSession,
): Promise<number> {
  const run = async (command: Document): Promise<Document> => {
    const reply = await db.command(command, { session })
    const [failed] = (reply['writeErrors'] ?? []) as readonly Document[]
    if (failed !== undefined) throw new MongoServerError(failed)
    return reply
  }
  let count = 0
  for (const { collection: update, updates, deletes, locks } of writes) {
    for (const q of locks) {
      const { n } = await run({ update, updates: [{ q, u: lockOn }] })
      if (n === 0) throw absentGuard(store)
      await run({ update, updates: [{ q: { _id: q['_id'] as unknown }, u: lockOff }] })
      count++
    }
    for (const some of portions(updates)) {
      const { nModified, upserted } = await run({ update, updates: some })
      count += Number(nModified) + (Array.isArray(upserted) ? upserted.length : 0)
    }
    let gone = 0
    for (const some of portions(deletes)) gone += Number((await run({ delete: update, deletes: some }))['n'])
    count += gone
    // To hold what is not there would make a collection that is not there either.
    if (gone === deletes.length || !holdsAbsent || !catalog.has(update)) continue
    const again = deletes.map(({ q }) => ({ q: q as Document, u: lockOn, upsert: true }))
    for (const some of portions(again)) {
      await run({ update, updates: some }).catch((error: unknown) => {
        throw isTransient(error) ? error : new CannotHold(store, error)
      })
    }
    for (const some of portions(deletes)) await run({ delete: update, deletes: some })
  }
  return count
}

/** A validator or an index of the collection does not let a document be put there to be deleted again. */
export class CannotHold extends FanlightError {
  constructor(store: string, cause: unknown) {
    const message =
      'MongoDB cannot tell whether a key that is not there stays so, as the collection takes no empty document: leave the delete out, or commit without `basis`'
    super('UNSUPPORTED', message, { store, cause, applied: 'no' })
  }
}

/** Parts of a list that are small enough for a command each. */
function portions(list: readonly Document[]): Document[][] {
  const all: Document[][] = []
  let bytes = Infinity
  for (const one of list) {
    const own = BSON.calculateObjectSize(one)
    if (bytes + own > commandBytesMax || (all.at(-1)?.length ?? 0) >= commandWritesMax) {
      all.push([])
      bytes = 0
    }
    all.at(-1)?.push(one)
    bytes += own
  }
  return all
}

function absentGuard(store: string): FanlightError {
  return new FanlightError('UNSUPPORTED', 'MongoDB cannot guard a key that is not there: put something there', {
    store,
  })
}
