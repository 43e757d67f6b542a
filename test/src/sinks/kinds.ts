/** Every kind of sink there is, each opened in the same way. */
import {
  type Change,
  type Entry,
  type Variable,
  type WritableStore,
  createMemoryStore,
  createVariable,
  everything,
} from '@fanlight/core'
import { seededRandom } from '@fanlight/core/testing'
import { openJsonStore } from '@fanlight/store-json'
import { createMemoryDisk } from '@fanlight/store-json/testing'
import { openLevelStore } from '@fanlight/store-level'
import { openMongoStore } from '@fanlight/store-mongo'
import { MemoryLevel } from 'memory-level'
import type { Db } from 'mongodb'

/** Behind this stands what is mirrored, where a sink has keys. */
export const start = 'copy/'

/** One sink, and what a test does with it. */
export interface OpenSink {
  readonly sink: Map<string, unknown> | Variable<readonly Entry[]> | WritableStore
  /** The same, where it is a store that others may write to. */
  readonly store?: WritableStore | undefined
  /** All that it holds. */
  read(): Promise<readonly Pick<Entry, 'key' | 'value'>[]>
  /** Ends it, and opens it again where it lives on. */
  reopen(): Promise<OpenSink>
  close(): Promise<unknown>
}

/** A kind of sink. */
export interface Kind {
  readonly name: string
  readonly open: () => Promise<OpenSink>
}

function ofStore(store: WritableStore, again: () => Promise<WritableStore>): OpenSink {
  return {
    sink: store,
    store,
    read: async () => (await store.fetch(everything)).entries,
    reopen: async () => ofStore(await again(), again),
    close: () => store.close(),
  }
}

/** A store that is closed, and opened where it is kept. */
async function kept(open: () => Promise<WritableStore>): Promise<OpenSink> {
  let store = await open()
  return ofStore(store, async () => {
    await store.close()
    return (store = await open())
  })
}

function variable(): OpenSink {
  const held = createVariable<readonly Entry[]>()
  const open: OpenSink = {
    sink: held,
    read: () => Promise.resolve((held.value ?? []).map(({ key, value }) => ({ key: start + key, value }))),
    reopen: () => Promise.resolve(open),
    close: () => held.close(),
  }
  return open
}

function map(): OpenSink {
  const held = new Map<string, unknown>()
  const open: OpenSink = {
    sink: held,
    read: () => Promise.resolve([...held].map(([key, value]) => ({ key, value }))),
    reopen: () => Promise.resolve(open),
    close: () => Promise.resolve(),
  }
  return open
}

function memory(): Promise<OpenSink> {
  const store = createMemoryStore({ name: 'memory' })
  return Promise.resolve(ofStore(store, () => Promise.resolve(store)))
}

function json(): Promise<OpenSink> {
  const disk = createMemoryDisk({ random: seededRandom(1) })
  return kept(() => openJsonStore('/copy.json', { fs: disk.mount(), settleMs: 1, pollMs: 5 }))
}

function level(): Promise<OpenSink> {
  const db = new MemoryLevel<Uint8Array, Uint8Array>()
  return kept(() => openLevelStore('memory', { db: db as never }))
}

/** Those that need nothing but the machine. */
export const kinds: readonly Kind[] = [
  { name: 'variable', open: () => Promise.resolve(variable()) },
  { name: 'Map', open: () => Promise.resolve(map()) },
  { name: 'memory', open: memory },
  { name: 'JSON', open: json },
  { name: 'LevelDB', open: level },
]

/** MongoDB, in a database of its own each time. */
export function mongo(database: () => Db): Kind {
  return {
    name: 'MongoDB',
    open: () => {
      const db = database()
      return kept(() => openMongoStore(db.client, { database: db.databaseName, idleMs: 20 }))
    },
  }
}

/** Somebody else changes what a sink holds. */
export async function intrude({ store }: OpenSink, changes: readonly Change[]): Promise<void> {
  await store?.commit(changes.map((change) => ({ ...change, key: start + change.key })))
}
