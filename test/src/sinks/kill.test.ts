/**
 * A process mirrors into a file, a LevelDB folder or a database, and is killed at any moment. Whoever looks there, whenever,
 * sees what the query said at the watermark, whole; and the next process goes on from there.
 */
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Change, type Versions, createMemoryStore, del, everything, put } from '@fanlight/core'
import { breathe, seededRandom } from '@fanlight/core/testing'
import { serve } from '@fanlight/server'
import { openLevelStore } from '@fanlight/store-level'
import { openMongoStore } from '@fanlight/store-mongo'
import { MongoClient } from 'mongodb'
import { expect, test } from 'vitest'
import { long, needsMongod, startReplicaSet } from '../support/index.ts'
import { type Program, start } from '../support/program.ts'

const kills = long ? 40 : 4

type Entries = ReadonlyMap<string, unknown>

/** A place that a process mirrors into. */
interface Place {
  readonly kind: string
  /** What the process is told. */
  readonly where: string
  /** Whether it can be looked at while the process has it. */
  readonly isShared: boolean
  /** All that is there; undefined: nothing at all yet. */
  look(): Promise<Entries | undefined>
  /** Somebody else writes there, while no process does. */
  intrude(changes: readonly Change[]): Promise<void>
  close(): Promise<void>
}

/** The store that is mirrored, and all that it ever held. */
class Origin {
  readonly store = createMemoryStore({ name: 'origin' })
  readonly #states: Entries[] = [new Map()]
  readonly #random = seededRandom(7)
  #isOver = false

  /** Writes until it is told to end. */
  async write(): Promise<void> {
    while (!this.#isOver) {
      const changes = new Map<string, Change>()
      for (let i = this.upTo(4); i >= 0; i--) {
        const key = `${this.upTo(5) === 0 ? 'b' : 'a'}/k${this.upTo(25)}x`
        changes.set(
          key,
          this.upTo(3) === 0 ? del(key) : put(key, { n: this.#states.length, text: 'x'.repeat(this.upTo(200)) }),
        )
      }
      await this.#commit([...changes.values()])
      await breathe(2 + this.upTo(15))
    }
    // What does not touch the query moves a mirror on, and it says nothing.
    await this.#commit([put('a/end', {})])
  }

  end(): void {
    this.#isOver = true
  }

  async #commit(changes: readonly Change[]): Promise<void> {
    const next = new Map(this.#states.at(-1))
    for (const { key, value, gone } of changes) {
      if (gone === true) next.delete(key)
      else next.set(key, value)
    }
    this.#states.push(next)
    await this.store.commit(changes)
  }

  upTo(most: number): number {
    return Math.floor(this.#random() * (most + 1))
  }

  /** What the query says at a point. */
  at(point: Versions): Entries {
    const state = this.#states[point[this.store.sources[0] ?? ''] ?? -1]
    if (state === undefined) throw new Error(`a point that never was: ${JSON.stringify(point)}`)
    return new Map([...state].filter(([key]) => key.startsWith('a/')))
  }
}

/** L4: what is there is what the query said at the watermark. */
function check(origin: Origin, entries: Entries): Versions | undefined {
  const marks = [...entries].filter(([key]) => key.startsWith('~mirror/'))
  const held = new Map([...entries].filter(([key]) => key.startsWith('a/')))
  const [mark] = marks
  if (mark === undefined) {
    expect(held.size).toBe(0)
    return undefined
  }
  expect(marks).toHaveLength(1)
  const { versions } = mark[1] as { versions: Versions }
  expect(held).toEqual(origin.at(versions))
  return versions
}

/** Kills the process again and again, and looks all the time. */
async function killAll(
  place: Place,
  times: number = kills,
): Promise<{ looks: number; points: number; intrusions: number }> {
  const origin = new Origin()
  const server = await serve(origin.store)
  const writing = origin.write()
  const points = new Set<string>()
  let [looks, intrusions] = [0, 0]
  const look = async (): Promise<void> => {
    const entries = await place.look()
    if (entries === undefined) return
    points.add(JSON.stringify(check(origin, entries)))
    looks++
  }
  const keep = (): Program => start('test/dist/sinks/keeper.js', server.url, place.kind, place.where)
  /** Looks for a while, however slow the machine is: until the process has gone on, and that was seen where it can be. */
  const lookAtEase = async (keeper: Program, ms: number): Promise<void> => {
    const [end, least, before] = [performance.now() + ms, looks + 5, points.size]
    const isSeen = (): boolean => !place.isShared || (looks >= least && points.size > before)
    while (performance.now() < end || !isSeen() || new Set(keeper.out.match(/^at \d+$/gm)).size < 3) {
      if (place.isShared) await look()
      await breathe(1)
    }
  }
  try {
    for (let i = 0; i < times; i++) {
      await using keeper = keep()
      // What somebody else wrote is put back before it says where it is.
      await keeper.says(/^at \d+$/m)
      await lookAtEase(keeper, origin.upTo(200))
      await keeper.stop('SIGKILL')
      expect(keeper.out).not.toContain('over')
      await look()
      if (i % 2 === 1) continue
      intrusions++
      await place.intrude([
        put('a/k1x', { n: -1 }),
        del('a/k2x'),
        put('a/theirs', { n: -2 }),
        put('beside/x', { n: i }),
      ])
    }
    await using keeper = keep()
    await keeper.says(/^at \d+$/m)
    await lookAtEase(keeper, 300)
    origin.end()
    await writing
    const [version] = Object.values(origin.store.reached)
    await keeper.says(new RegExp(`^at ${version}$`, 'm'))
    expect(await keeper.stop('SIGTERM')).toBe(0)
    const last = await place.look()
    const mark = check(origin, last ?? new Map())
    expect(origin.at(mark ?? {})).toEqual(origin.at(origin.store.reached))
    expect(last?.has('beside/x')).toBe(intrusions > 0)
    return { looks, points: points.size, intrusions }
  } finally {
    origin.end()
    await writing
    await server.close()
    await place.close()
  }
}

async function jsonFile(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'fanlight-sinks-'))
  const where = join(folder, 'copy.json')
  const read = async (): Promise<Record<string, unknown>> =>
    JSON.parse(await readFile(where, 'utf8')) as Record<string, unknown>
  return {
    kind: 'json',
    where,
    isShared: true,
    look: async () => (existsSync(where) ? new Map(Object.entries(await read())) : undefined),
    intrude: async (changes) => {
      const members = await read()
      for (const { key, value, gone } of changes) {
        if (gone === true) delete members[key]
        else members[key] = value
      }
      await writeFile(`${where}.new`, JSON.stringify(members))
      await rename(`${where}.new`, where)
    },
    close: () => rm(folder, { recursive: true }),
  }
}

async function levelFolder(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'fanlight-sinks-'))
  const where = join(folder, 'copy')
  return {
    kind: 'level',
    where,
    isShared: false,
    look: async () => {
      await using store = await openLevelStore(where)
      const { entries } = await store.fetch(everything)
      return new Map(entries.map(({ key, value }) => [key, value]))
    },
    intrude: async (changes) => {
      await using store = await openLevelStore(where)
      await store.commit(changes)
    },
    close: () => rm(folder, { recursive: true }),
  }
}

async function database(uri: string): Promise<Place> {
  const client = new MongoClient(uri)
  const where = uri.replace('/?', '/copy?')
  const store = await openMongoStore(client, { database: 'copy', idleMs: 50 })
  return {
    kind: 'mongo',
    where,
    isShared: true,
    look: async () => {
      const { entries } = await store.fetch(everything)
      return new Map(entries.map(({ key, value }) => [key, value]))
    },
    intrude: async (changes) => {
      // As a program would that knows nothing of stores.
      for (const { key, value, gone } of changes) {
        const [collection = '', _id = ''] = key.split('/')
        const documents = client.db('copy').collection<{ _id: string }>(collection)
        if (gone === true) await documents.deleteOne({ _id })
        else await documents.replaceOne({ _id }, value as object, { upsert: true })
      }
    },
    close: async () => {
      await store.close()
      await client.close()
    },
  }
}

const timeoutMs = 60_000 + kills * 10_000

test(
  `L4, L7: a JSON file is whole after each of ${kills} kills, and whenever somebody reads it`,
  async () => {
    const { looks, points, intrusions } = await killAll(await jsonFile())
    expect(Math.min(looks / 5, points, intrusions * kills)).toBeGreaterThanOrEqual(kills)
  },
  timeoutMs,
)

test(
  `L4, L7: a LevelDB folder is whole after each of ${kills} kills`,
  async () => {
    const { points, intrusions } = await killAll(await levelFolder())
    expect(Math.min(points * 2, intrusions * kills)).toBeGreaterThanOrEqual(kills)
  },
  timeoutMs,
)

const withMongod = await needsMongod()

/** Each time it takes the server some seconds to give up what was under way. */
const fewer = Math.ceil(kills / 2)

withMongod.it(
  `L4, L7: collections of MongoDB are whole after each of ${fewer} kills, and whenever somebody reads them`,
  async () => {
    // What a killed process left undone in the server, others wait for until it is given up: by default after a minute.
    await using set = await startReplicaSet({ args: ['--setParameter', 'transactionLifetimeLimitSeconds=1'] })
    const { looks, points, intrusions } = await killAll(await database(set.uri), fewer)
    expect(Math.min(looks / 5, points, intrusions * fewer)).toBeGreaterThanOrEqual(fewer)
  },
  timeoutMs,
)
