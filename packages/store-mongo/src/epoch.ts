import { FanlightError, type Random, type SourceId } from '@fanlight/core'
import { makeSourceId, randomWord } from '@fanlight/core/kit'
import { type Collection, type Db, type ObjectId, ReadConcern } from 'mongodb'
import { isDuplicate, isForbidden } from './errors.ts'

/** The document that says which line of history this is. It is replaced where somebody lost their place in it. */
export interface EpochDocument {
  readonly _id: string
  readonly epoch: string
}

/** The `_id` of that document. */
export const epochId = 'epoch'

/** What names a source. */
export interface EpochParts {
  readonly db: Db
  /** The collection that the store keeps for itself. */
  readonly own: string
  readonly name: string
  readonly random: Random
}

/**
 * The source of a replica set: its id, and the epoch that all stores on it read from one document. So every process has
 * the same source, and a set that was restored from a copy has another one once the document is removed.
 *
 * @param dead the source whose history was lost: its epoch is replaced, unless another process has done that
 */
export async function readSource({ db, own, name, random }: EpochParts, dead?: SourceId): Promise<SourceId> {
  const set = await setIdOf(db)
  const documents = db.collection<EpochDocument>(own, {
    writeConcern: { w: 'majority' },
    readConcern: new ReadConcern('majority'),
  })
  const sourceOf = ({ epoch }: EpochDocument): SourceId => makeSourceId(name, `${set}.${epoch}`)
  const found = (await documents.findOne({ _id: epochId })) ?? (await create(documents, randomWord(random)))
  if (sourceOf(found) !== dead) return sourceOf(found)
  const next = { _id: epochId, epoch: randomWord(random) }
  const { matchedCount } = await documents.replaceOne({ _id: epochId, epoch: found.epoch }, next)
  return matchedCount === 1 ? sourceOf(next) : readSource({ db, own, name, random }, dead)
}

async function create(documents: Collection<EpochDocument>, epoch: string): Promise<EpochDocument> {
  try {
    await documents.insertOne({ _id: epochId, epoch })
  } catch (error) {
    // Another process was faster.
    if (!isDuplicate(error)) throw error
  }
  const found = await documents.findOne({ _id: epochId })
  if (found !== null) return found
  throw new FanlightError('UNAVAILABLE', 'the epoch was removed while it was read: open the store again')
}

/** The id that a replica set was given when it was made; its name for users who may not ask for that. */
async function setIdOf(db: Db): Promise<string> {
  try {
    const { config } = await db.client.db('admin').command({ replSetGetConfig: 1 })
    return (config as { settings: { replicaSetId: ObjectId } }).settings.replicaSetId.toHexString()
  } catch (error) {
    if (!isForbidden(error)) throw error
    return String((await db.command({ hello: 1 }))['setName'])
  }
}
