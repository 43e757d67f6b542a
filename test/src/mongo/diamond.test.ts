/** The diamond over MongoDB: a store and a view of it in one router, while others write. Every answer shows index = f(raw). */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { type Entry, prefix } from '@fanlight/core'
import { Holder } from '@fanlight/core/conformance'
import { seededRandom } from '@fanlight/core/testing'
import { createRouter } from '@fanlight/router'
import { type MapFunction, createView } from '@fanlight/views'
import type { Db } from 'mongodb'
import { expect, test } from 'vitest'
import { findPython, long, needsMongod, needsPython, notRun } from '../support/index.ts'
import { ForeignWriter } from './foreign-writer.ts'
import { useReplicaSet } from './replica-set.ts'

const withMongod = await needsMongod()
const withPython = long ? await needsPython() : notRun(true, 'long: npm run test:long')

/** Where each number is, and one key for which documents of both collections fight. */
const byNumber: MapFunction = ({ key, value }) => {
  const { n } = value as { n: number }
  return [{ key: `by/${n % 7}/${key}`, value: n }]
}

/** Writes as fast as it can: single documents, many, bulks, and transactions over both collections. */
const python = `
import random, sys, time
from pymongo import MongoClient, ReplaceOne, DeleteOne
uri, database, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
client = MongoClient(uri)
db = client[database]
ids = 'abcdefghijkl'
random.seed(1)
end, n = time.monotonic() + seconds, 0
while time.monotonic() < end:
    n += 1
    c, x, y = random.choice([db.a, db.b]), random.choice(ids), random.choice(ids)
    way = n % 6
    if way == 0:
        c.replace_one({'_id': x}, {'n': n}, upsert=True)
    elif way == 1:
        c.update_many({'_id': {'$gte': x}}, {'$inc': {'n': 1}})
    elif way == 2:
        c.bulk_write([ReplaceOne({'_id': x}, {'n': n}, upsert=True), DeleteOne({'_id': y})])
    elif way == 3:
        c.delete_one({'_id': x})
    else:
        def both(session):
            for c in (db.a, db.b):
                c.replace_one({'_id': x}, {'n': n}, upsert=True, session=session)
        with client.start_session() as session:
            session.with_transaction(both)
print(n)
`

withMongod.describe('the diamond over MongoDB', () => {
  const used = useReplicaSet()

  /** Asks and follows while others write; every answer and step is checked at once. */
  async function check(db: Db, write: () => Promise<unknown>): Promise<{ answers: number; steps: number }> {
    const store = await used.open(db, { idleMs: 20 })
    const seams = { definition: 'byNumber' }
    const view = createView(store, { query: [prefix('a/'), prefix('b/')], map: byNumber, ...seams })
    const router = createRouter({ 'raw/': store, 'index/': view })
    const feed = router.watch({})
    const holder = new Holder({})
    const seen = { answers: 0, steps: 0 }
    let isWriting = true
    const fetching = (async () => {
      while (isWriting) {
        expectDiamond((await router.fetch({})).entries)
        seen.answers++
        await new Promise(setImmediate)
      }
    })()
    const following = (async () => {
      while (isWriting) {
        const update = await feed.take()
        if (update === undefined) await new Promise((resolve) => setTimeout(resolve, 2))
        else {
          holder.apply(update)
          expectDiamond(holder.entries)
          seen.steps++
        }
      }
    })()
    try {
      await write()
    } finally {
      isWriting = false
      await Promise.all([fetching, following])
    }
    await feed.close()
    await router.close()
    return seen
  }

  test('L3, L5, L6: index = f(raw) in every answer and step while others write', async () => {
    const db = used.database()
    const writer = new ForeignWriter(db, seededRandom(11))
    await writer.prepare()
    const { answers, steps } = await check(db, async () => {
      for (let i = 0; i < 300; i++) await writer.write()
    })
    expect(answers).toBeGreaterThan(10)
    expect(steps).toBeGreaterThan(10)
  })

  withPython.it(
    'L3, L5, L6: index = f(raw) in every answer and step while a program in Python writes at full speed for 60 s',
    async () => {
      const found = await findPython()
      if ('why' in found) throw new Error(found.why)
      const db = used.database()
      await new ForeignWriter(db, seededRandom(11)).prepare()
      let count = 0
      const { answers, steps } = await check(db, async () => {
        const args = ['-c', python, used.set.uri, db.databaseName, '60']
        count = Number((await promisify(execFile)(found.python, args)).stdout)
      })
      expect(count).toBeGreaterThan(1_000)
      expect(answers).toBeGreaterThan(100)
      expect(steps).toBeGreaterThan(100)
    },
    300_000,
  )
})

function expectDiamond(entries: readonly Entry[]): void {
  const under = (start: string): (readonly [string, unknown])[] =>
    entries.flatMap(({ key, value }) => (key.startsWith(start) ? [[key.slice(start.length), value] as const] : []))
  const raw = under('raw/')
  const expected = raw.flatMap(([key, value]) => byNumber({ key, value }) as { key: string; value: unknown }[])
  expect(new Map(under('index/'))).toEqual(new Map(expected.map(({ key, value }) => [key, value])))
}
