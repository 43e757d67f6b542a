import type { Random } from '@fanlight/core'
import type { Collection, Db } from 'mongodb'

/** The documents that are written. */
export interface Numbered {
  readonly _id: string
  readonly n: number
  readonly by?: string
}

/** The ids that are written. */
const ids: readonly string[] = Array.from({ length: 12 }, (_, i) => `${'abcdefghijkl'[i]}`)

/** Writes with the plain driver, as a program does that knows nothing of the store: in all the ways there are. */
export class ForeignWriter {
  readonly #db: Db
  readonly #collections: readonly Collection<Numbered>[]
  readonly #random: Random
  #n = 0

  constructor(db: Db, random: Random) {
    this.#db = db
    this.#collections = ['a', 'b'].map((name) => db.collection<Numbered>(name))
    this.#random = random
  }

  /** Makes the collections, so that all that follows are changes of documents. */
  async prepare(): Promise<void> {
    for (const collection of this.#collections) await collection.insertOne({ _id: 'a', n: this.#n++ })
  }

  /** Writes in one way or another. */
  async write(): Promise<void> {
    const collection = this.#pick(this.#collections)
    const [one, other] = [this.#pick(ids), this.#pick(ids)]
    const n = this.#n++
    switch (Math.floor(this.#random() * 8)) {
      case 0: {
        const documents = ids.filter(() => this.#random() < 0.3).map((_id) => ({ _id, n }))
        if (documents.length === 0) return
        // Those that are there already are refused, one by one.
        await collection.insertMany(documents, { ordered: false }).catch(() => undefined)
        return
      }
      case 1:
        return void (await collection.updateMany({ _id: { $gt: one } }, { $set: { n }, $unset: { by: true } }))
      case 2:
        return void (await collection.bulkWrite([
          { replaceOne: { filter: { _id: one }, replacement: { n, by: 'bulk' }, upsert: true } },
          { deleteOne: { filter: { _id: other } } },
        ]))
      case 3:
        return void (await collection.deleteMany({ _id: { $gte: one < other ? one : other, $lt: other } }))
      case 4:
        return void (await collection.updateOne({ _id: one }, { $set: { n, by: 'update' } }, { upsert: true }))
      case 5:
        return void (await collection.findOneAndDelete({ _id: one }))
      default:
        return this.both(one, other)
    }
  }

  /** Writes both collections in one transaction: the same number to each. */
  async both(one: string, other: string): Promise<void> {
    const [a, b] = this.#collections as [Collection<Numbered>, Collection<Numbered>]
    const n = this.#n++
    await this.#db.client.withSession((session) =>
      session.withTransaction(async () => {
        await a.replaceOne({ _id: one }, { n, by: 'both' }, { session, upsert: true })
        await b.replaceOne({ _id: one }, { n, by: 'both' }, { session, upsert: true })
        if (other === one) return
        await a.deleteOne({ _id: other }, { session })
        await b.deleteOne({ _id: other }, { session })
      }),
    )
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)] as T
  }
}
