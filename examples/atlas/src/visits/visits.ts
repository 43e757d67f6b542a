import { join } from 'node:path'
import { type Range, type Store, type View, createView, prefix, readonly } from 'fanlight'
import type { Atlas } from '../atlas.ts'
import type { Settings } from '../settings.ts'
import { type Visit, type Visited, countryOf, latestMax, latestOf, mounts, starsOf, timeOf } from './visit.ts'
import type { Destination, VisitDocument } from './visitor.ts'

/** How it is with MongoDB: there is none here; it starts; it is mounted; it has ended while it was. */
export type VisitsState = 'none' | 'starting' | 'mounted' | 'gone'

/** So many of the writes are visits: one for five other ones. */
const share = 0.2

/** How many cities of a country are visited, and of the world: the largest. */
const citiesMax = 40
const worldMax = 200

/** Visits of cities, as documents in MongoDB, and a view that groups them: mounted while the atlas runs, where a mongod is. */
export class Visits {
  readonly #atlas: Atlas
  readonly #settings: Settings
  readonly #say: (text: string) => void
  readonly #ending = new AbortController()
  readonly #closing: (() => Promise<unknown>)[] = []
  readonly #opening: Promise<void>
  #state: VisitsState = 'none'
  #uri = ''
  #note = ''

  /**
   * Starts a mongod in the folder of the data, which takes a second or two: nobody waits for it.
   *
   * @param say hears, in a line, how it went
   */
  constructor(atlas: Atlas, settings: Settings, say: (text: string) => void) {
    this.#atlas = atlas
    this.#settings = settings
    this.#say = (text) => say((this.#note = text))
    this.#opening = this.#open(settings.mongod).catch(async (error: unknown) => {
      this.#state = 'none'
      await this.#closeAll()
      if (this.#ending.signal.aborted) return
      this.#say(`the MongoDB mount is left out: ${error instanceof Error ? error.message : String(error)}`)
    })
  }

  get state(): VisitsState {
    return this.#state
  }

  /** How it went so far, in a line. */
  get note(): string {
    return this.#note
  }

  /** Where the database is; empty where there is none. */
  get uri(): string {
    return this.#uri
  }

  /** Takes the mounts away, and ends the mongod. */
  async close(): Promise<void> {
    this.#ending.abort()
    await this.#opening
    await this.#closeAll()
  }

  async #open(mongod: string | undefined): Promise<void> {
    if (mongod === undefined) {
      this.#say('no mongod (MONGOD_BINARY or PATH): the MongoDB mount is left out')
      return
    }
    this.#state = 'starting'
    this.#note = 'MongoDB starts'
    // Loaded where it is needed: who has no mongod does not wait for its driver.
    const [{ ReplicaSet }, { Visitor }, { MongoClient }, { openMongoStore }] = await Promise.all([
      import('./replica-set.ts'),
      import('./visitor.ts'),
      import('mongodb'),
      import('@fanlight/store-mongo'),
    ])
    const { signal } = this.#ending
    const set = await ReplicaSet.start(mongod, join(this.#settings.dataDir, 'mongo'), signal)
    this.#closing.push(() => set.close())
    const client = new MongoClient(set.uri, { serverSelectionTimeoutMS: 5000 })
    this.#closing.push(() => client.close())
    const visits = client.db().collection<VisitDocument>('visits')
    // What shall be followed has to be there; the oldest are found by when they were.
    await visits.createIndex({ at: 1 })
    const options = { collections: 'visits', name: 'mongo', onUnmapped: () => undefined }
    const store = await openMongoStore<{ 'visits/': Visit }>(client, { ...options, database: client.db().databaseName })
    this.#closing.push(() => store.close())
    const view = groupByCountry(store)
    this.#closing.push(() => view.close())
    await view.fetch([], { signal })
    this.#mount(store, view)
    const writer = new Visitor(
      visits,
      () => this.#destination(),
      () => this.#atlas.knobs.now.rate * share,
    )
    this.#closing.push(() => writer.close())
    this.#uri = set.uri
    this.#state = 'mounted'
    this.#say(`MongoDB is mounted at ${mounts.documents}, and grouped at ${mounts.groups}: ${set.uri}`)
    void set.ended.then((why) => {
      if (signal.aborted) return
      this.#state = 'gone'
      this.#say(`MongoDB has gone (${why}): what is shown of it is how it was`)
    })
  }

  /** Both at once: nobody sees one without the other. */
  #mount(documents: Store<{ 'visits/': Visit }>, groups: View<{ '': Visited }>): void {
    const { router } = this.#atlas
    router.remount({
      [mounts.documents]: { store: readonly(documents), keepOpen: true },
      [mounts.groups]: { store: groups, keepOpen: true },
    })
    this.#closing.push(async () => router.remount({ [mounts.documents]: undefined, [mounts.groups]: undefined }))
  }

  /** A large city of the country that is shown, or of the world. */
  async #destination(): Promise<Destination> {
    const { router, knobs } = this.#atlas
    const { country } = knobs.now
    if (Math.random() < 0.4) {
      const city = anyOf(await router.fetch(atMost(prefix(`by-country/${country}/`), citiesMax)))
      if (city !== undefined) return { city: city.name, country }
    }
    const city = anyOf(await router.fetch(atMost(prefix('largest/'), worldMax)))
    return { city: city?.name ?? 'Paris', country: city?.country ?? 'FR' }
  }

  async #closeAll(): Promise<void> {
    for (const close of this.#closing.splice(0).toReversed()) await close().catch(() => undefined)
  }
}

/** For each country: how many visits, their mean, and the latest. */
function groupByCountry(store: Store<{ 'visits/': Visit }>): View<{ '': Visited }> {
  return createView(store, {
    name: 'visited',
    definition: 'visited-1',
    query: prefix('visits/'),
    group: {
      by: countryOf,
      of: ({ count, avg, top }) => ({
        visits: count(),
        stars: avg(starsOf),
        latest: top(latestMax, { by: timeOf, of: latestOf }),
      }),
    },
  })
}

function atMost<R extends Range>(range: R, limit: number): R {
  return { ...range, limit }
}

function anyOf<V>({ entries }: { readonly entries: readonly { readonly value: V }[] }): V | undefined {
  return entries[Math.floor(Math.random() * entries.length)]?.value
}
