import type { FanlightError } from '@fanlight/core'
import type { Document, UUID } from 'mongodb'
import { whyRefused } from './catalog.ts'
import { type DocumentChange, Held } from './change-log.ts'
import { epochId } from './epoch.ts'
import { keyOrWhyNot } from './keys/document-key.ts'
import type { Scope } from './scope.ts'
import type { ChangeEvent } from './stream.ts'

/** What the events of one cluster time say. */
export interface Told {
  readonly changes: readonly DocumentChange[]
  /** Collections that were made. */
  readonly created: readonly { readonly name: string; readonly uuid: UUID }[]
  /** Names that mean nothing any more: what they meant before cannot be read. */
  readonly dropped: readonly string[]
  /** Whether the store has to look anew: at the names of collections, or at what it keeps for itself. */
  readonly isOver: 'no' | 'names' | 'epoch'
  /** The `_id`s of what was put into the collection that the store keeps for itself. */
  readonly own: readonly string[]
  /** The transactions, as `transactionName` names them. */
  readonly transactions: readonly string[]
  /** Documents that have no key, and collections that cannot be shown. */
  readonly unmapped: readonly FanlightError[]
}

/** Documents above this are not part of events, but read when they are asked for: bytes. */
const wholeBytesMax = 2 ** 18

/** The member that a lock puts into a document, and takes out again in the same transaction. */
export const lockName = '_fanlightLock'

/** What of the events the store wants to know: never what a document was changed by, which alone may be too much for one event. */
export const eventStages: readonly Document[] = [
  {
    $project: {
      operationType: 1,
      clusterTime: 1,
      ns: 1,
      to: 1,
      collectionUUID: 1,
      documentKey: 1,
      lsid: 1,
      txnNumber: 1,
      options: '$operationDescription',
      size: { $bsonSize: '$fullDocument' },
      isLock: {
        $and: [
          { $eq: ['$updateDescription.updatedFields', { [lockName]: true }] },
          { $eq: ['$updateDescription.removedFields', []] },
        ],
      },
      isUnlock: {
        $and: [
          { $eq: ['$updateDescription.updatedFields', {}] },
          { $eq: ['$updateDescription.removedFields', [lockName]] },
        ],
      },
      fullDocument: {
        $cond: [{ $lte: [{ $bsonSize: '$fullDocument' }, wholeBytesMax] }, '$fullDocument', '$$REMOVE'],
      },
    },
  },
]

/** What a transaction is called here: sessions are used again, for one transaction after the other. */
export function transactionName(session: { toString(encoding: 'hex'): string }, number: number | bigint): string {
  return `${session.toString('hex')}/${String(number)}`
}

/**
 * Reads the events of one cluster time.
 *
 * @param isKnown whether a collection is one of those that are shown
 */
export function readEvents(events: readonly ChangeEvent[], scope: Scope, isKnown: (name: string) => boolean): Told {
  const reader = new EventReader(scope, isKnown)
  for (const event of events) reader.read(event)
  return reader.told
}

class EventReader {
  readonly #scope: Scope
  readonly #isKnown: (name: string) => boolean
  readonly #changes = new Map<string, DocumentChange>()
  readonly #created: { name: string; uuid: UUID }[] = []
  readonly #dropped: string[] = []
  readonly #own: string[] = []
  readonly #transactions = new Set<string>()
  readonly #unmapped: FanlightError[] = []
  /** Documents that are locked, as far as these events go. */
  readonly #locks = new Map<string, ChangeEvent>()
  #isOver: Told['isOver'] = 'no'

  constructor(scope: Scope, isKnown: (name: string) => boolean) {
    this.#scope = scope
    this.#isKnown = isKnown
  }

  get told(): Told {
    // Half of a lock is a change like any other.
    for (const event of this.#locks.values()) this.#document(event.ns?.coll ?? '', event)
    this.#locks.clear()
    return {
      changes: [...this.#changes.values()],
      created: this.#created,
      dropped: this.#dropped,
      isOver: this.#isOver,
      own: this.#own,
      transactions: [...this.#transactions],
      unmapped: this.#unmapped,
    }
  }

  read(event: ChangeEvent): void {
    const { operationType, lsid, txnNumber, ns, to } = event
    if (lsid !== undefined && txnNumber !== undefined) this.#transactions.add(transactionName(lsid.id, txnNumber))
    const name = ns?.coll ?? ''
    switch (operationType) {
      case 'insert':
      case 'update':
      case 'replace':
      case 'delete':
        if (name === this.#scope.own) return this.#ownDocument(event)
        if (!this.#scope.has(name) || !this.#knows(name)) return
        return this.#locked(event) ? undefined : this.#document(name, event)
      case 'create':
        return this.#create(name, event)
      case 'drop':
        if (name === this.#scope.own) this.#isOver = 'epoch'
        else if (this.#knows(name)) this.#dropped.push(name)
        return
      case 'rename':
        // What the collection is that has the name now, only the server can say.
        if (name === this.#scope.own || to?.coll === this.#scope.own) this.#isOver = 'epoch'
        else if (this.#knows(name) || (to !== undefined && this.#scope.has(to.coll))) this.#looksAnew()
        return
      case 'dropDatabase':
      case 'invalidate':
        this.#isOver = 'epoch'
        return
      default:
    }
  }

  #looksAnew(): void {
    if (this.#isOver === 'no') this.#isOver = 'names'
  }

  #knows(name: string): boolean {
    return this.#isKnown(name) || this.#created.some((one) => one.name === name)
  }

  #create(name: string, { collectionUUID: uuid, options }: ChangeEvent): void {
    if (!this.#scope.has(name) || uuid === undefined) return
    const why = whyRefused(name, options)
    if (why === undefined) this.#created.push({ name, uuid })
    else this.#unmapped.push(why)
  }

  #ownDocument({ operationType, documentKey: id }: ChangeEvent): void {
    if (id?._id === epochId) this.#isOver = 'epoch'
    else if (operationType === 'insert') this.#own.push(String(id?._id))
  }

  /** Whether an event is one half of a lock, which changes nothing. */
  #locked(event: ChangeEvent): boolean {
    const name = `${String(event.ns?.coll)}/${JSON.stringify(event.documentKey?._id)}`
    if (event.isLock === true) {
      this.#locks.set(name, event)
      return true
    }
    // Whatever comes after the first half says more than it.
    return this.#locks.delete(name) && event.isUnlock === true
  }

  #document(collection: string, { operationType, documentKey: id, fullDocument, size }: ChangeEvent): void {
    const key = keyOrWhyNot(collection, id?._id)
    if (typeof key !== 'string') return void this.#unmapped.push(key)
    const before = this.#changes.get(key)
    const wasThere = before?.wasThere ?? operationType !== 'insert'
    // Whether a document is shown that only some are of, the server has to say.
    const isTold = operationType !== 'update' && this.#scope.filterOf(collection) === undefined
    const held = operationType === 'delete' ? undefined : new Held(isTold ? fullDocument : undefined)
    this.#changes.set(key, { key, wasThere, held, bytes: overheadBytes + 2 * key.length + (isTold ? (size ?? 0) : 0) })
  }
}

/** What a change takes beside its key and document: a guess, for limits of bytes. */
const overheadBytes = 200
