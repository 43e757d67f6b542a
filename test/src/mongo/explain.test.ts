/** Which commands a store sends: reads that use the index of `_id`, at the time that was asked for. */
import { type Query, prefix } from '@fanlight/core'
import { documentKey, openMongoStore, timeOf } from '@fanlight/store-mongo'
import { type Document, MongoClient, ObjectId, UUID } from 'mongodb'
import { expect, test } from 'vitest'
import { needsMongod } from '../support/index.ts'
import { useReplicaSet } from './replica-set.ts'

const withMongod = await needsMongod()

withMongod.describe('reads', () => {
  const used = useReplicaSet()

  test('fetch: ranges on _id use its index alone, read no more than they answer, at exactly the point', async () => {
    const db = used.database()
    const ids = [
      ...Array.from({ length: 100 }, (_, i) => i),
      ...Array.from({ length: 100 }, (_, i) => new ObjectId(`${i + 100}`.padStart(24, '0'))),
      ...Array.from({ length: 100 }, (_, i) => new UUID(`${i + 100}`.padStart(32, '0'))),
      ...Array.from({ length: 100 }, (_, i) => `s${i + 100}`),
    ]
    await db.collection<{ _id: unknown }>('a').insertMany(ids.map((_id) => ({ _id })))
    const client = new MongoClient(used.set.uri, { monitorCommands: true })
    const store = await openMongoStore(client, { database: db.databaseName, collections: 'a' })
    const [source = ''] = store.sources
    const sent: Document[] = []
    client.on('commandStarted', ({ commandName, command }) => {
      if (commandName === 'find') sent.push(command)
    })
    const of = (id: number | string | ObjectId | UUID): string => documentKey('a', id)
    const queries: readonly (readonly [Query, number])[] = [
      [of(7), 1],
      [of('s150'), 1],
      [{ gte: of(10), lt: of(20) }, 10],
      [{ gt: of('s100'), lte: of('s110') }, 10],
      [{ gte: of('s100'), lt: of('s200'), reverse: true, limit: 3 }, 3],
      [{ gte: of(90), lt: of('s105') }, 10 + 100 + 100 + 5],
      [{ ...prefix('a/'), limit: 5 }, 5],
      [{ ...prefix('a/'), limit: 5, reverse: true }, 5],
      [prefix('a/s10'), 10],
    ]
    for (const [query, count] of queries) {
      sent.length = 0
      const { [source]: at = 0 } = store.reached
      const { entries } = await store.fetch(query, { max: { [source]: at } })
      expect(entries.length).toBe(count)
      expect(sent.length).toBeGreaterThan(0)
      let examined = 0
      for (const { find, filter, sort, limit, readConcern } of sent) {
        expect(readConcern).toEqual({ level: 'snapshot', atClusterTime: timeOf(at) })
        const command = { find, filter, sort, ...(limit === undefined ? {} : { limit }) } as Document
        const { queryPlanner, executionStats } = await db.command({ explain: command, verbosity: 'executionStats' })
        const stages = stagesOf((queryPlanner as Document)['winningPlan'] as Document)
        expect(stages.filter((stage) => !['LIMIT', 'FETCH', 'IXSCAN', 'IDHACK'].includes(stage))).toEqual([])
        expect(stages.some((stage) => stage === 'IXSCAN' || stage === 'IDHACK')).toBe(true)
        examined += Number((executionStats as Document)['totalDocsExamined'])
      }
      // One more tells whether more follow.
      expect(examined).toBeLessThanOrEqual(count + 1)
    }
    await store.close()
    await client.close()
  })
})

function stagesOf({ stage, inputStage }: Document): string[] {
  return [stage as string, ...(inputStage === undefined ? [] : stagesOf(inputStage as Document))]
}
