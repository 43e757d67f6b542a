/** Windows of answers while others write with the plain driver: true at every point, as wide as the stream allows, for ever. */
import { type Query, type Snapshot, prefix } from '@fanlight/core'
import { type Model, anyQuery, checkSnapshot, inRange } from '@fanlight/core/conformance'
import { seededRandom } from '@fanlight/core/testing'
import { versionOf } from '@fanlight/store-mongo'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { long, needsMongod } from '../support/index.ts'
import { ForeignWriter } from './foreign-writer.ts'
import { useReplicaSet } from './replica-set.ts'
import { Witness } from './witness.ts'

const withMongod = await needsMongod()

const pool = ['a/', 'a/c', 'a/f', 'a/z', 'b', 'b/a', 'b/d', 'b/l', 'c/']
const queries: readonly Query[] = ['a/c', prefix('a/'), prefix('b/'), {}, [prefix('a/'), 'b/b']]

withMongod.describe('windows', () => {
  const used = useReplicaSet()

  test('L1, L0: every answer, of now and of the past, is true all over its windows and stays so', async () => {
    const db = used.database()
    await using witness = await Witness.of(db)
    const writer = new ForeignWriter(db, seededRandom(5))
    await writer.prepare()
    await using store = await used.open(db, { idleMs: 20 })
    const [source = ''] = store.sources
    const start = store.reached
    const kept: { query: Query; snapshot: Snapshot }[] = []
    const random = seededRandom(6)
    const asked = fc.sample(fc.oneof(anyQuery(pool), fc.constantFrom(...queries)), {
      seed: 7,
      numRuns: long ? 2_000 : 300,
    })
    let isWriting = true
    const reading = (async () => {
      for (const query of asked) {
        const { [source]: reached = 0 } = store.reached
        const first = start[source] ?? 0
        const at = first + Math.floor((reached - first) * random())
        const point = { [source]: at }
        const options = random() < 0.5 ? {} : random() < 0.5 ? { max: point } : { min: point, max: point }
        const snapshot = await store.fetch(query, options)
        if ('max' in options) expect(snapshot.windows[source]?.from).toBeLessThanOrEqual(at)
        if ('min' in options) expect(snapshot.windows[source]?.to).toBeGreaterThanOrEqual(at)
        kept.push({ query, snapshot })
      }
      isWriting = false
    })()
    while (isWriting) await writer.write()
    await reading
    const model = await witness.model(source, start)
    const points = kept.reduce((sum, { query, snapshot }) => sum + checkSnapshot(model, query, snapshot), 0)
    expect(points).toBeGreaterThan(kept.length)
    for (const { snapshot } of kept) {
      expect(snapshot.windows[source]?.from).toBe(lastChange(model, source, snapshot))
    }
    // What was true is what the server says of it later, at both ends of its window.
    for (const { query, snapshot } of kept) {
      const { from, to } = snapshot.windows[source] ?? { from: 0, to: 0 }
      for (const at of new Set([from, to])) {
        const again = await store.fetch(query, { min: { [source]: at }, max: { [source]: at } })
        expect(again.entries.map(plain)).toEqual(snapshot.entries.map(plain))
      }
    }
  })

  test('L1: until the stream has passed a time the window is that time alone; a quiet span gets wider', async () => {
    const db = used.database()
    await new ForeignWriter(db, seededRandom(1)).prepare()
    await using store = await used.open(db, { idleMs: 20 })
    const [source = ''] = store.sources
    const began = store.reached[source] ?? 0
    const first = await store.fetch(prefix('a/'))
    expect(first.windows[source]).toEqual({ from: began, to: began })
    await db.collection('b').insertOne({ n: 1 })
    await store.fetch({}, { min: { [source]: began + 1 } })
    const second = await store.fetch(prefix('a/'))
    expect(second.windows[source]?.from).toBe(began)
    expect(second.windows[source]?.to).toBeGreaterThan(began)
  })

  test('L2: min, since and until ahead of the stream wait for it', async () => {
    const db = used.database()
    await new ForeignWriter(db, seededRandom(1)).prepare()
    await using store = await used.open(db)
    const [source = ''] = store.sources
    const written = async (n: number): Promise<Record<string, number>> =>
      db.client.withSession(async (session) => {
        await db.collection<{ _id: string; n: number }>('a').replaceOne({ _id: 'x' }, { n }, { session, upsert: true })
        const { operationTime } = session
        return { [source]: (operationTime && versionOf(operationTime)) ?? 0 }
      })
    const ahead = { [source]: (store.reached[source] ?? 0) + 3_600 * 2 ** 21 }
    await expect(store.fetch('a/x', { min: ahead, stall: 'fail' })).rejects.toMatchObject({ code: 'STALLED' })
    const soon = (store.reached[source] ?? 0) + 1
    const early = store.fetch('a/x', { min: { [source]: soon } })
    const one = await written(1)
    expect((await early).windows[source]?.to).toBeGreaterThanOrEqual(soon)
    expect((await store.fetch('a/x', { min: one })).entries).toMatchObject([{ value: { n: 1 } }])
    const two = await written(2)
    const update = await store.changes('a/x', { since: one, until: two })
    expect(update).toMatchObject({ changes: [{ key: 'a/x', value: { n: 2 } }], versions: two, folded: 1 })
    const three = await written(3)
    expect((await store.changes('a/x', { since: three })).changes).toEqual([])
    await using feed = store.watch('a/x', { since: three })
    const four = await written(4)
    expect(await feed.take(four)).toMatchObject({ changes: [{ value: { n: 4 } }] })
  })
})

/** The last commit in the windows that changed something in the spans that were read; else where the store began. */
function lastChange(model: Model, source: string, { windows, more }: Snapshot): number {
  const to = windows[source]?.to ?? 0
  const hits = model.commits.filter(({ at, changes }) => {
    const isIn = changes.some(({ key }) => more.some(({ range }) => inRange(range, key)))
    return isIn && (at[source] ?? 0) <= to
  })
  return hits.at(-1)?.at[source] ?? model.start[source] ?? 0
}

function plain({ key, value }: { key: string; value: unknown }): unknown {
  return { key, value }
}
