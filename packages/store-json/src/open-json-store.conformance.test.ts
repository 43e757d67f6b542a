import { key, type Change, type Versions } from '@fanlight/core'
import { type ConformanceSeams, anyValue, nastyKeys, storeConformance } from '@fanlight/core/conformance'
import { breathe } from '@fanlight/core/testing'
import * as fc from 'fast-check'
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type JsonStore, openJsonStore } from './index.ts'
import { edited } from './testing/json-text.ts'

/** Where the file of a store is, and the clock that it runs by. */
const files = new WeakMap<object, { path: string; clock: ConformanceSeams['clock'] }>()

async function opened(path: string, seams: ConformanceSeams, depth?: number): Promise<JsonStore> {
  const store = await openJsonStore(path, { ...seams, depth })
  files.set(store, { path, clock: seams.clock })
  return store
}

function create(seams: ConformanceSeams, depth?: number): Promise<JsonStore> {
  return opened(join(mkdtempSync(join(tmpdir(), 'fanlight-json-')), 'file.json'), seams, depth)
}

function pathOf(store: object): string {
  return files.get(store)?.path ?? ''
}

function teardown(store: object): void {
  rmSync(dirname(pathOf(store)), { recursive: true })
}

/** Values without bytes: JSON cannot carry them. */
const values = anyValue().filter((value) => !JSON.stringify(value, (_, v: unknown) => (v instanceof Uint8Array ? 'bytes!' : v)).includes('bytes!'))

async function reopen(store: JsonStore, seams: ConformanceSeams, depth?: number): Promise<JsonStore> {
  await store.close()
  return opened(pathOf(store), seams, depth)
}

storeConformance('a JSON file', { create: (seams) => create(seams), teardown, reopen: (store, seams) => reopen(store, seams), values, runs: 30 })

storeConformance('a JSON file, keys two members deep', {
  create: (seams) => create(seams, 2),
  teardown,
  reopen: (store, seams) => reopen(store, seams, 2),
  keys: fc.tuple(nastyKeys(), nastyKeys()).map(([a, b]) => key(a, b)),
  // An object at a key of two names would be right: only above the depth it is not.
  values,
  runs: 30,
})

storeConformance('a JSON file that others write', {
  create: (seams) => create(seams),
  teardown,
  reopen: (store, seams) => reopen(store, seams),
  write,
  values,
  runs: 30,
})

/** Another program changes the file, and the store is given the time to see it. */
async function write(store: JsonStore, changes: readonly Change[]): Promise<Versions> {
  const { path, clock } = files.get(store) ?? {}
  if (path === undefined || clock === undefined) throw new Error('no such store')
  return store.reached
}
