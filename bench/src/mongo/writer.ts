/**
 * Writes changes when it is told to: each replaces one of so many documents, in batches.
 *
 * @module
 */
import { MongoClient } from 'mongodb'

const [uri = ''] = process.argv.slice(2)
const batch = 500

const cities = new MongoClient(uri).db('bench').collection<{ _id: string; name: string; population: number }>('cities')
let stamp = 0

process.on('message', ({ changes, feeds }: { changes: number; feeds: number }) => {
  void write(changes, feeds)
})

async function write(changes: number, feeds: number): Promise<void> {
  for (let i = 0; i < changes; i += batch) {
    await cities.bulkWrite(
      Array.from({ length: batch }, (_, j) => {
        const n = (i + j) % feeds
        const replacement = { name: `city ${n}`, population: ++stamp }
        return { replaceOne: { filter: { _id: `city${String(n).padStart(8, '0')}` }, replacement } }
      }),
      { ordered: false },
    )
  }
}
