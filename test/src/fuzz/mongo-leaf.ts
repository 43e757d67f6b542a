import type { Change, Store } from '@fanlight/core'
import { documentKey, openMongoStore } from '@fanlight/store-mongo'
import type { Db } from 'mongodb'
import { SourceHistory } from './history.ts'
import { SourceLeaf } from './leaves.ts'
import type { World } from './world.ts'

/** A collection of a real MongoDB. */
export class MongoLeaf extends SourceLeaf {
  store: Store = undefined as never
  readonly labels = ['mongo'] as const
  readonly #db: Db
  /** Its commits go one after the other, so that its history is told in their order. */
  #last: Promise<unknown> = Promise.resolve()

  private constructor(world: World, db: Db) {
    super(world, 'mongo')
    this.#db = db
  }

  static async open(world: World, db: Db): Promise<MongoLeaf> {
    const leaf = new MongoLeaf(world, db)
    await leaf.#open()
    return leaf
  }

  override prefixes(): readonly string[] {
    return [`${this.name}/`]
  }

  override commit(changes: readonly Change[], basis?: number): Promise<void> {
    const own = changes.map(({ key, value, gone }): Change => {
      const inside = documentKey(this.name, key)
      return gone === true ? { key: inside, gone } : { key: inside, value: { n: value } }
    })
    return super.commit(own, basis)
  }

  protected override made<R>(work: () => Promise<R>): Promise<R> {
    const done = this.#last.then(work)
    const ended = done.then(ignore, ignore)
    this.#last = ended
    this.world.onTheirWay.add(ended)
    void ended.then(() => this.world.onTheirWay.delete(ended))
    return done
  }

  async #open(): Promise<void> {
    const { client, databaseName: database } = this.#db
    const { name } = this
    this.store = await openMongoStore(client, { ...this.world.seams, name, database, collections: [name] })
    this.begin(this.source, new SourceHistory(this.store.reached[this.source] ?? 0, new Map()))
  }
}

function ignore(): void {
  // What became of a commit is for whoever made it.
}
