import { type Change, type FanlightError, type Versions, key } from '@fanlight/core'
import { type ConformanceSeams, anyValue, nastyKeys, checkRandomHistories } from '@fanlight/core/conformance'
import { breathe } from '@fanlight/core/testing'
import * as fc from 'fast-check'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test as vtest } from 'vitest'
import { type JsonStore, openJsonStore } from './index.ts'
import { edited } from './testing/json-text.ts'

/** The file of each store, and the clock that it runs by. */
const places = new WeakMap<object, { readonly path: string; readonly clock: ConformanceSeams['clock'] }>()

async function opened(path: string, seams: ConformanceSeams, depth: number): Promise<JsonStore> {
  const store = await openJsonStore(path, { ...seams, depth })
  places.set(store, { path, clock: seams.clock })
  return store
}

const setup = (depth = 1) => ({
  create: (seams: ConformanceSeams) =>
    opened(join(mkdtempSync(join(tmpdir(), 'fanlight-json-')), 'file.json'), seams, depth),
  reopen: async (store: JsonStore, seams: ConformanceSeams) => {
    await store.close()
    return opened(places.get(store)?.path ?? '', seams, depth)
  },
  teardown: (store: JsonStore) => rmSync(dirname(places.get(store)?.path ?? ''), { recursive: true }),
  // JSON has no bytes.
  values: anyValue().filter((value) => !JSON.stringify([value], hasBytes).includes('bytes')),
  runs: 30,
})

function hasBytes(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? 'bytes' : value
}

/** Another program changes the file, by turns in place and by renaming, and the store is given the time to see it. */
async function writeOutside(store: JsonStore, changes: readonly Change[]): Promise<Versions> {
  const { path = '', clock } = places.get(store) ?? {}
  const before = store.reached
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '{}'
  const next = edited(text, changes)
  // What changes nothing is no change of others: only a store can commit that.
  if (edited(text, []) === next) return store.commit(changes)
  if (next.length % 2 === 0) writeFileSync(path, next)
  else {
    writeFileSync(`${path}.new`, next)
    renameSync(`${path}.new`, path)
  }
  while (store.reached === before) {
    await breathe(1)
    await clock?.advance(50)
    // A store that was closed meanwhile will never see it.
    await store.fetch([]).catch((error: FanlightError) => {
      throw error.withApplied('unknown')
    })
  }
  return store.reached
}

hunt('a JSON file', setup())
hunt('a JSON file that others write', { ...setup(), write: writeOutside })
hunt('a JSON file whose keys are two members deep', {
  ...setup(2),
  keys: fc.tuple(nastyKeys(), nastyKeys()).map(([a, b]) => key(a, b)),
})

function hunt(name: string, setup: any): void {
  vtest(name, { timeout: 400_000 }, async () => {
    const end = Date.now() + 120_000
    let runs = 0
    for (let seed = Number(process.env['HUNT'] ?? 1) * 1000; Date.now() < end; seed++) {
      const began = Date.now()
      let over = false
      const work = checkRandomHistories(setup, { runs: 1, seed, shrink: false }).then(() => (over = true), (e: Error) => { over = true; console.log('FAILED', name, seed, String(e.message).slice(0, 2500)) })
      const late = new Promise<void>((go) => setTimeout(go, 15_000))
      await Promise.race([work, late])
      if (!over) { console.log('HUNG', name, seed); return }
      if (Date.now() - began > 2_500) console.log('SLOW', name, seed, Date.now() - began)
      runs++
    }
    console.log('DONE', name, runs)
  })
}
