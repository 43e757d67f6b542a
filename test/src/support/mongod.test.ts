import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MongoClient } from 'mongodb'
import { describe, expect, it, vi } from 'vitest'
import { findMongod, firstThatRuns, type Probe } from './mongod.ts'
import { needsMongod, needsPython } from './needs.ts'
import { findPython } from './python.ts'
import { runCommand } from './fetched.ts'
import { startReplicaSet } from './replica-set.ts'
import { startStandalone } from './standalone.ts'

const withMongod = await needsMongod()
const withPython = await needsPython()

const majority = { writeConcern: { w: 'majority' } } as const

/** Counts through the driver what a collection holds, as a new client sees it. */
async function count(uri: string): Promise<number> {
  const client = new MongoClient(uri)
  try {
    return await client.db('app').collection('words').countDocuments()
  } finally {
    await client.close()
  }
}

async function put(uri: string, word: string): Promise<void> {
  const client = new MongoClient(uri)
  try {
    await client.db('app').collection('words', majority).insertOne({ word })
  } finally {
    await client.close()
  }
}

describe('the order of the places', () => {
  const gone = (): string => {
    throw new Error('gone')
  }
  const one: Probe = { place: 'one', look: () => '/one' }
  const two: Probe = { place: 'two', look: () => Promise.resolve('/two') }
  const none: Probe = { place: 'none', look: () => undefined }
  const bad: Probe = { place: 'bad', look: gone }
  const runs = (): Promise<string> => Promise.resolve('6.0.5')
  const runsTwo = (binary: string): Promise<string> =>
    binary === '/two' ? Promise.resolve('7.0.0') : Promise.reject(new Error('no such library'))

  it('takes the first that is there', async () => {
    expect(await firstThatRuns([none, bad, one, two], runs)).toEqual({ binary: '/one', version: '6.0.5' })
  })

  it('looks no further than it has to', async () => {
    const looked: string[] = []
    const seen = ({ place, look }: Probe): Probe => ({ place, look: () => (looked.push(place), look()) })
    await firstThatRuns([none, one, two].map(seen), runs)
    expect(looked).toEqual(['none', 'one'])
  })

  it('passes over one that does not run', async () => {
    expect(await firstThatRuns([one, two], runsTwo)).toEqual({ binary: '/two', version: '7.0.0' })
  })

  it('takes no other where the one that was named does not run', async () => {
    expect(await firstThatRuns([{ ...one, final: true }, two], runsTwo)).toEqual({ why: 'one: no such library' })
  })

  it('goes on where none was named', async () => {
    expect(await firstThatRuns([{ ...none, final: true }, two], runs)).toMatchObject({ binary: '/two' })
  })

  it('says of each place why there is none', async () => {
    expect(await firstThatRuns([none, bad, one], runsTwo)).toEqual({ why: 'bad: gone; one: no such library' })
  })
})

withMongod.describe('a replica set', () => {
  it('takes a majority write', async () => {
    await using set = await startReplicaSet()
    expect(set.uri).toContain('replicaSet=')
    await put(set.uri, 'a')
    expect(await count(set.uri)).toBe(1)
  })

  it('keeps its data when its only member is killed and restarted', async () => {
    await using set = await startReplicaSet({ oplogSizeMb: 16 })
    await put(set.uri, 'a')
    expect(await set.kill()).toBe(0)
    await expect(count(`${set.uri}&serverSelectionTimeoutMS=200`)).rejects.toThrow()
    await set.restart(0)
    expect(await count(set.uri)).toBe(1)
    await put(set.uri, 'b')
    expect(await count(set.uri)).toBe(2)
  })

  it('goes on where its primary is killed, and takes it back', async () => {
    await using set = await startReplicaSet({ members: 3 })
    await put(set.uri, 'a')
    const killed = await set.kill('primary')
    await put(set.uri, 'b')
    await set.restart(killed)
    expect(await count(set.uri)).toBe(2)
  })

  it('leaves nothing behind', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fanlight-left-'))
    vi.stubEnv('TMPDIR', folder)
    try {
      const set = await startReplicaSet()
      expect(await readdir(folder)).toHaveLength(1)
      await set.stop()
      expect(await readdir(folder)).toEqual([])
    } finally {
      vi.unstubAllEnvs()
      await rm(folder, { recursive: true })
    }
  })
})

withMongod.it('starts a mongod without a replica set', async () => {
  await using mongod = await startStandalone()
  await put(mongod.uri, 'a')
  expect(await count(mongod.uri)).toBe(1)
})

withPython.it('finds a Python with pymongo', async () => {
  const found = await findPython()
  if ('why' in found) throw new Error(found.why)
  expect(
    await runCommand(found.python, ['-c', 'import pymongo; print(pymongo.version)'], { timeoutMs: 30_000 }),
  ).toMatch(/^4\./)
})

withMongod.it('finds the same mongod again', async () => {
  const found = await findMongod()
  expect(await findMongod()).toBe(found)
  expect('binary' in found && existsSync(found.binary)).toBe(true)
})
