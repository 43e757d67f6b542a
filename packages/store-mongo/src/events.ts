import { FanlightError } from '@fanlight/core'
import type { Document, UUID } from 'mongodb'
import { type DocumentChange, Held } from './change-log.ts'
import { hasOtherOrder, otherOrder } from './catalog.ts'
import { documentKey } from './keys/document-key.ts'
import type { Scope } from './scope.ts'
import type { ChangeEvent } from './stream.ts'

/** What the events of one cluster time say. */
export interface Told {
  readonly changes: readonly DocumentChange[]
  /** Collections that came under a name. */
  readonly created: readonly { readonly name: string; readonly uuid: UUID }[]
  /** Names that mean another collection now, or none: what they meant before can be read no more. */
  readonly dropped: readonly string[]
  /** All collections are gone. */
  readonly isDropped: boolean
  /** The `_id`s of what was written to the collection that the store keeps for itself. */
  readonly own: readonly string[]
  /** The sessions of the transactions. */
  readonly sessions: readonly string[]
  /** Documents that have no key. */
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
      collation: '$operationDescription.collation',
      lsid: 1,
      size: { $bsonSize: '$fullDocument' },
      isLock: {
        $or: [
          { $eq: ['$updateDescription.updatedFields', { [lockName]: true }] },
          { $eq: ['$updateDescription.removedFields', [lockName]] },
        ],
      },
      fullDocument: {
        $cond: [{ $lte: [{ $bsonSize: '$fullDocument' }, wholeBytesMax] }, '$fullDocument', '$$REMOVE'],
      },
    },
  },
]

/** Reads the events of one cluster time. */
export function readEvents(events: readonly ChangeEvent[], scope: Scope): Told {
  const reader = new EventReader(scope)
  for (const event of events) reader.read(event)
  return reader.told
}

class EventReader {
  readonly #scope: Scope
  readonly #changes = new Map<string, DocumentChange>()
  readonly #created: { name: string; uuid: UUID }[] = []
  readonly #dropped: string[] = []
  readonly #own: string[] = []
  readonly #sessions = new Set<string>()
  readonly #unmapped: FanlightError[] = []
  #isDropped = false

  constructor(scope: Scope) {
    this.#scope = scope
  }

  get told(): Told {
    return {
      changes: [...this.#changes.values()],
      created: this.#created,
      dropped: this.#dropped,
      isDropped: this.#isDropped,
      own: this.#own,
      sessions: [...this.#sessions],
      unmapped: this.#unmapped,
    }
  }

  read(event: ChangeEvent): void {
    const { operationType, lsid, ns, to, collectionUUID } = event
    if (lsid !== undefined) this.#sessions.add(lsid.id.toString('hex'))
    const name = ns?.coll ?? ''
    switch (operationType) {
      case 'insert':
      case 'update':
      case 'replace':
      case 'delete':
        return this.#document(name, event)
      case 'create':
        if (!this.#scope.has(name) || collectionUUID === undefined) return
        if (hasOtherOrder(event.collation)) this.#unmapped.push(otherOrder(name))
        else this.#created.push({ name, uuid: collectionUUID })
        return
      case 'drop':
        if (this.#scope.has(name)) this.#dropped.push(name)
        return
      case 'rename':
        if (this.#scope.has(name)) this.#dropped.push(name)
        if (to === undefined || !this.#scope.has(to.coll)) return
        this.#dropped.push(to.coll)
        if (collectionUUID !== undefined) this.#created.push({ name: to.coll, uuid: collectionUUID })
        return
      case 'dropDatabase':
      case 'invalidate':
        this.#isDropped = true
        return
      default:
    }
  }

  #document(collection: string, event: ChangeEvent): void {
    const { operationType, documentKey: id, fullDocument, size, isLock } = event
    if (id === undefined) return
    if (collection === this.#scope.own) return void this.#own.push(String(id._id))
    if (!this.#scope.has(collection) || isLock === true) return
    const key = this.#keyOf(collection, id._id)
    if (key === undefined) return
    const before = this.#changes.get(key)
    const wasThere = before?.wasThere ?? operationType !== 'insert'
    // Whether a document is shown that only some are of, the server has to say.
    const isTold = operationType !== 'update' && this.#scope.filterOf(collection) === undefined
    const held = operationType === 'delete' ? undefined : new Held(isTold ? fullDocument : undefined)
    this.#changes.set(key, { key, wasThere, held, bytes: overheadBytes + 2 * key.length + (isTold ? (size ?? 0) : 0) })
  }

  #keyOf(collection: string, id: unknown): string | undefined {
    try {
      return documentKey(collection, id)
    } catch (error) {
      if (!(error instanceof FanlightError)) throw error
      this.#unmapped.push(error)
      return undefined
    }
  }
}

/** What a change takes beside its key and document: a guess, for limits of bytes. */
const overheadBytes = 200
