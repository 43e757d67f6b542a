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

/** What the other program is doing. */
let outside: Promise<unknown> = Promise.resolve()

/**
 * Another program changes the file, one change after the other: two that follow at once are one burst to the store, and so
 * one commit, but the suite wants a version for each.
 */
function writeOutside(store: JsonStore, changes: readonly Change[]): Promise<Versions> {
  const written = outside.then(() => writeOnce(store, changes))
  outside = written.catch(() => undefined)
  return written
}

/** By turns in place and by renaming. The store is given the time to see it. */
async function writeOnce(store: JsonStore, changes: readonly Change[]): Promise<Versions> {
  const { path = '', clock } = places.get(store) ?? {}
  const before = store.reached
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '{}'
  const next = edited(text, changes)
  // In a file a value that is written again, the same, is no change: only a store can commit that.
  const shows = (change: Change): boolean => edited(text, []) !== edited(text, [change])
  if (changes.length === 0 || !changes.every(shows)) return store.commit(changes)
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
  vtest(name, { timeout: 600_000 }, async () => {
    let failed = 0,
      runs = 0,
      foreign = 0
    const write =
      setup.write &&
      ((...args: any[]) => {
        foreign++
        return setup.write(...args)
      })
    const seeds = [6241, 1230, 1305, 1330, 1718]
    const end = Date.now() + (name.includes('others') ? 330_000 : 90_000)
    while (Date.now() < end) {
      const seed = runs % 20 < 5 ? seeds[runs % 5] : 40_000 + runs
      runs++
      await checkRandomHistories(write ? { ...setup, write } : setup, { runs: 1, seed, shrink: false }).catch(
        (e: Error) => {
          failed++
          console.log('FAILED', name, seed, String(e.message).split('\n')[0]?.slice(0, 400))
        },
      )
    }
    console.log('DONE', name, 'runs', runs, 'failed', failed, 'writes', foreign)
  })
}
