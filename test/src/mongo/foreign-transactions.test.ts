/** Transactions of others: large ones, of which the stream tells in many events, are never seen in part (L4). */
import { type Query, type Snapshot, type Update, prefix } from '@fanlight/core'
import { Holder, checkSnapshot } from '@fanlight/core/conformance'
import { seededRandom } from '@fanlight/core/testing'
import type { Db } from 'mongodb'
import { expect, test, vi } from 'vitest'
import { needsMongod } from '../support/index.ts'
import { ForeignWriter } from './foreign-writer.ts'
import { useReplicaSet } from './replica-set.ts'
import { Witness } from './witness.ts'

const withMongod = await needsMongod()

/** All documents of both collections have the same number, and the same text: so a transaction left them. */
const all: Query = [prefix('a/'), prefix('b/')]

withMongod.describe('transactions of others', () => {
  const used = useReplicaSet()

  const large = [
    ['1,500 documents, whose events span batches', 750, 0],
    ['more than 16 MB, which are several entries of the log', 40, 270_000],
  ] as const

  test.each(large)('L4: %s, are never seen in part', { timeout: 300_000 }, async (_name, count, bytes) => {
    const db = used.database()
    const text = 'x'.repeat(bytes)
    await write(db, count, 0, text)
    await using store = await used.open(db, { idleMs: 20 })
    await using feed = store.watch(all)
    await using some = store.watch([
      { gte: 'a/', lt: 'b', limit: 20 },
      { gte: 'b/', lt: 'c', reverse: true, limit: 20 },
    ])
    const holders = [new Holder(all), new Holder([])]
    let isWriting = true
    const seen = { answers: 0, steps: 0, differences: 0 }
    const fetching = (async () => {
      while (isWriting) {
        const { entries } = await store.fetch(all)
        expectWhole(entries, 2 * count)
        seen.answers++
        await new Promise(setImmediate)
      }
    })()
    const following = [feed, some].map(async (one, i) => {
      while (isWriting) {
        const holder = holders[i]
        if (holder === undefined) return
        const update = await one.take()
        if (update === undefined) await new Promise<void>((resolve) => setTimeout(resolve, 5))
        else {
          holder.apply(update)
          expectWhole(holder.entries, i === 0 ? 2 * count : 40)
          seen.steps++
        }
      }
    })
    const differing = (async () => {
      let since = store.reached
      while (isWriting) {
        const update: Update = await store.changes(all, { since })
        const own = update.replace?.entries ?? update.changes
        // Each transaction changes all documents: so do any number of them.
        if (own.length > 0) {
          expectWhole(own, 2 * count)
          seen.differences++
        }
        since = update.versions
        await new Promise<void>((resolve) => setTimeout(resolve, 5))
      }
    })()
    for (let n = 1; n <= 4; n++) await write(db, count, n, text)
    // Each feed has its first answer, and at least one step more.
    await vi.waitUntil(() => seen.steps >= 4 && seen.differences > 0, { timeout: 60_000 })
    isWriting = false
    await Promise.all([fetching, ...following, differing])
    expect(seen.answers).toBeGreaterThan(0)
  })

  test('L4: small ones at full speed over two collections: every answer and step is of a whole commit', async () => {
    const db = used.database()
    await using witness = await Witness.of(db)
    const writer = new ForeignWriter(db, seededRandom(2))
    await writer.prepare()
    await using store = await used.open(db, { idleMs: 20 })
    const [source = ''] = store.sources
    const start = store.reached
    await using feed = store.watch(all)
    const holder = new Holder(all)
    const answers: Snapshot[] = []
    const steps: Holder[] = []
    const writing = (async () => {
      for (let i = 0; i < 200; i++) await writer.both('abc'[i % 3] ?? '', 'abcd'[i % 4] ?? '')
    })()
    let isWriting = true
    void writing.finally(() => (isWriting = false))
    while (isWriting) {
      answers.push(await store.fetch(all))
      const update = await feed.take()
      if (update === undefined) continue
      holder.apply(update)
      steps.push(new Holder(all, { entries: holder.entries, versions: update.versions }))
    }
    await writing
    const model = await witness.model(source, start)
    for (const answer of answers) checkSnapshot(model, all, answer)
    for (const step of steps) expect(step.check(model)).toBe(true)
    expect(new Set(steps.map(({ versions }) => versions?.[source])).size).toBeGreaterThan(20)
  })
})

interface Numbered {
  readonly _id: number
  readonly n: number
}

/** Gives every document of both collections the same number, in one transaction. */
async function write(db: Db, count: number, n: number, text: string): Promise<void> {
  const documents = Array.from({ length: count }, (_, _id) => ({ _id, n, text }))
  await db.client.withSession((session) =>
    session.withTransaction(async () => {
      for (const name of ['a', 'b']) {
        const collection = db.collection<Numbered>(name)
        const some = documents.map((replacement) => ({
          replaceOne: { filter: { _id: replacement._id }, replacement, upsert: true },
        }))
        await collection.bulkWrite(some, { session, ordered: false })
      }
    }),
  )
}

function expectWhole(entries: readonly { readonly value?: unknown }[], count: number): void {
  expect(entries.length).toBe(count)
  expect(new Set(entries.map(({ value }) => (value as Numbered | undefined)?.n)).size).toBe(1)
}
