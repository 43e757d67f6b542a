import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type Feed, isFanlightError } from '@fanlight/core'
import { documentKey, openMongoStore } from '@fanlight/store-mongo'
import { findMongod, startReplicaSet } from '@fanlight/test/support'
import { type Collection, MongoClient } from 'mongodb'
import { inFlight, rate, spread } from '../measure.ts'
import type { Row, Side } from '../row.ts'

interface City {
  readonly _id: string
  readonly name: string
  readonly population: number
}

const count = 100_000
const feeds = 1_000
const changes = 5_000
const idOf = (i: number): string => `city${String(i).padStart(8, '0')}`

/** One replica set for both sides of a pair. */
let shared: Promise<{ uri: string; cities: Collection<City>; end: () => Promise<void> }> | undefined
let users = 0

function replicaSet(): NonNullable<typeof shared> {
  users++
  return (shared ??= start())
}

async function start(): Promise<Awaited<NonNullable<typeof shared>>> {
  const set = await startReplicaSet()
  const client = new MongoClient(set.uri)
  const cities = client.db('bench').collection<City>('cities')
  for (let i = 0; i < count; i += 10_000) {
    await cities.insertMany(
      Array.from({ length: 10_000 }, (_, j) => ({
        _id: idOf(i + j),
        name: `city ${i + j}`,
        population: (i + j) * 17,
      })),
      { writeConcern: { w: 'majority' } },
    )
  }
  const end = async (): Promise<void> => {
    if (--users > 0) return
    await client.close()
    await set.stop()
  }
  return { uri: set.uri, cities, end }
}

async function rangeOurs(): Promise<Side> {
  const { uri, end } = await replicaSet()
  const store = await openMongoStore(uri, { database: 'bench' })
  const next = spread(count - 101)
  const one = (): Promise<unknown> => store.fetch({ gte: documentKey('cities', idOf(next())), limit: 100 })
  return rate(
    320,
    () => inFlight(320, 16, one),
    async () => {
      await store.close()
      await end()
    },
  )
}

async function rangeTheirs(): Promise<Side> {
  const { uri, end } = await replicaSet()
  const client = new MongoClient(uri)
  const cities = client.db('bench').collection<City>('cities', { readConcern: { level: 'majority' } })
  const next = spread(count - 101)
  const one = (): Promise<unknown> =>
    cities
      .find({ _id: { $gte: idOf(next()) } })
      .sort({ _id: 1 })
      .limit(100)
      .toArray()
  return rate(
    320,
    () => inFlight(320, 16, one),
    async () => {
      await client.close()
      await end()
    },
  )
}

/** Changes a second, from a writer in a process of its own to whoever counts them. */
function delivered(writer: ChildProcess, arrived: (all: () => void) => void, close: () => Promise<void>): Side {
  return {
    async measure() {
      const began = performance.now()
      await new Promise<void>((resolve) => {
        arrived(resolve)
        writer.send({ changes, feeds })
      })
      return (changes / (performance.now() - began)) * 1000
    },
    close: async () => {
      writer.kill()
      await close()
    },
  }
}

function startWriter(uri: string): ChildProcess {
  return fork(fileURLToPath(new URL('../mongo/writer.js', import.meta.url)), [uri])
}

async function follow(feed: Feed, came: (folded: number) => void): Promise<void> {
  try {
    for await (const { folded } of feed) came(folded)
  } catch (error) {
    // The store is closed when everything is measured.
    if (!isFanlightError(error, 'CLOSED')) throw error
  }
}

async function feedsOurs(): Promise<Side> {
  const { uri, end } = await replicaSet()
  const store = await openMongoStore(uri, { database: 'bench' })
  let left = 0
  let all: () => void = () => undefined
  for (let i = 0; i < feeds; i++) {
    const feed = store.watch(documentKey('cities', idOf(i)))
    await feed.take()
    void follow(feed, (folded) => {
      left -= folded
      if (left <= 0) all()
    })
  }
  const arrived = (resolve: () => void): void => {
    left = changes
    all = resolve
  }
  return delivered(startWriter(uri), arrived, async () => {
    await store.close()
    await end()
  })
}

async function feedsTheirs(): Promise<Side> {
  const { uri, end } = await replicaSet()
  const client = new MongoClient(uri)
  const stream = client.db('bench').collection<City>('cities').watch()
  let left = 0
  let all: () => void = () => undefined
  stream.on('change', () => {
    if (--left === 0) all()
  })
  await new Promise((resolve) => setTimeout(resolve, 1000))
  const arrived = (resolve: () => void): void => {
    left = changes
    all = resolve
  }
  return delivered(startWriter(uri), arrived, async () => {
    await stream.close()
    await client.close()
    await end()
  })
}

async function whyNot(): Promise<string | undefined> {
  const found = await findMongod()
  return 'why' in found ? `no mongod: ${found.why}` : undefined
}

export const mongoRows: readonly Row[] = [
  {
    name: 'mongo-range',
    unit: 'ranges/s',
    more: true,
    reach: [0.8],
    whyNot,
    pairs: [
      {
        against: "the driver's find, majority, 16 outstanding",
        ours: rangeOurs,
        theirs: rangeTheirs,
      },
    ],
  },
  {
    name: 'mongo-feeds',
    unit: 'changes/s',
    more: true,
    reach: [0.8],
    whyNot,
    pairs: [
      {
        against: 'one change stream of the driver',
        ours: feedsOurs,
        theirs: feedsTheirs,
      },
    ],
  },
]
