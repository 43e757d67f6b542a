import type { Change, SourceId, Versions } from '@fanlight/core'
import { type Model, type State, createModel } from '@fanlight/core/conformance'
import { documentKey, versionOf } from '@fanlight/store-mongo'
import type { ChangeStream, ChangeStreamDocument, Db, Document } from 'mongodb'

/** What happened at one cluster time. */
interface Seen {
  readonly version: number
  readonly changes: Change[]
  readonly sessions: Set<string>
}

/** Where a witness writes to know how far it has come. */
const sentinels = 'sentinels'

/**
 * What was written to a database, told by a change stream of the driver's own, which knows nothing of the store. It needs
 * flat documents, whose updates it can apply by itself.
 */
export class Witness implements AsyncDisposable {
  readonly seen: Seen[] = []
  readonly #db: Db
  readonly #stream: ChangeStream
  readonly #documents = new Map<string, Document>()
  #count = 0

  private constructor(db: Db) {
    this.#db = db
    this.#stream = db.watch()
  }

  /** Begins with an empty database. */
  static async of(db: Db): Promise<Witness> {
    const witness = new Witness(db)
    await witness.#stream.tryNext()
    return witness
  }

  /** Takes note of all that was written until now. */
  async catchUp(): Promise<void> {
    const _id = this.#count++
    await this.#db.collection<{ _id: number }>(sentinels).insertOne({ _id })
    for (;;) {
      const event = await this.#stream.next()
      if (event.operationType === 'insert' && event.ns.coll === sentinels) {
        if ((event.documentKey._id as unknown) === _id) return
      } else this.#take(event)
    }
  }

  /** What a store must show that stood at a point. */
  async model(source: SourceId, start: Versions): Promise<Model> {
    await this.catchUp()
    const from = start[source] ?? 0
    const model = createModel({ [source]: from }, { state: this.stateAt(from) })
    for (const { version, changes } of this.seen) if (version > from) model.commit({ [source]: version }, changes)
    return model
  }

  /** All documents as values, at a version. */
  stateAt(version: number): State {
    const state = new Map<string, unknown>()
    for (const { changes } of this.seen.filter((one) => one.version <= version)) {
      for (const change of changes) {
        if (change.gone === true) state.delete(change.key)
        else state.set(change.key, change.value)
      }
    }
    return state
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stream.close()
  }

  #take(event: ChangeStreamDocument): void {
    if (!('documentKey' in event) || event.clusterTime === undefined) return
    const { ns, documentKey: id } = event as { ns: { coll: string }; documentKey: { _id: unknown } }
    if (ns.coll === 'fanlight') return
    const version = versionOf(event.clusterTime)
    if (version === undefined) throw new Error('an ordinal too great')
    if (this.seen.at(-1)?.version !== version) this.seen.push({ version, changes: [], sessions: new Set() })
    const key = documentKey(ns.coll, id._id)
    const document = this.#after(key, event)
    if (document === undefined) this.#documents.delete(key)
    else this.#documents.set(key, document)
    const { _id, ...value } = document ?? {}
    this.seen.at(-1)?.changes.push(document === undefined ? { key, gone: true } : { key, value })
  }

  /** A document after an event. */
  #after(key: string, event: ChangeStreamDocument): Document | undefined {
    switch (event.operationType) {
      case 'insert':
      case 'replace':
        return event.fullDocument
      case 'update': {
        const { updatedFields, removedFields = [] } = event.updateDescription
        const next: Document = { ...this.#documents.get(key), ...updatedFields }
        for (const name of removedFields) delete next[name]
        return next
      }
      default:
        return undefined
    }
  }
}
