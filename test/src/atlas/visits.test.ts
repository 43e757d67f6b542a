import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { findMongod, needsMongod } from '../support/index.ts'
import { Program } from '../support/program.ts'

const main = fileURLToPath(new URL('../../../examples/atlas/dist/main.js', import.meta.url))
const withMongod = await needsMongod()

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fanlight-visits-'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

function startIn(env: NodeJS.ProcessEnv, ...args: readonly string[]): Program {
  const all = { ...process.env, DATA_DIR: folder, CITIES: '1000', ...env }
  return new Program(spawn(process.execPath, [main, '--terminal', ...args], { env: all }))
}

async function withFound(): Promise<NodeJS.ProcessEnv> {
  const found = await findMongod()
  return { MONGOD_BINARY: 'binary' in found ? found.binary : '' }
}

/** Waits until nobody is there any more. */
async function gone(uri: string): Promise<void> {
  await vi.waitFor(
    async () => {
      const client = new MongoClient(uri, { serverSelectionTimeoutMS: 200 })
      const said = await client
        .db()
        .command({ ping: 1 })
        .catch(() => undefined)
      await client.close()
      expect(said).toBeUndefined()
    },
    { timeout: 30_000, interval: 200 },
  )
}

test('without a mongod the terminal says so in a line, and shows the atlas', async () => {
  await using atlas = startIn({ MONGOD_BINARY: '', PATH: '' }, '--seconds', '2')
  expect(await atlas.ended).toBe(0)
  expect(atlas.out).toContain('\nno mongod (MONGOD_BINARY or PATH): the MongoDB mount is left out\n')
  expect(JSON.parse(atlas.out.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({ tornFanlight: 0 })
  expect(atlas.err).toBe('')
})

test('a mongod that does not start is told, and left out', async () => {
  const wrong = join(folder, 'no-mongod')
  await using atlas = startIn({ MONGOD_BINARY: wrong }, '--seconds', '3')
  expect(await atlas.ended).toBe(0)
  expect(atlas.out).toContain(`the MongoDB mount is left out: mongod ended: spawn ${wrong} ENOENT\n`)
  expect(JSON.parse(atlas.out.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({ tornFanlight: 0 })
})

withMongod.it(
  'the terminal shows the groups of MongoDB; the mongod ends with the atlas, however that ends',
  async () => {
    const env = await withFound()
    await using first = startIn(env)
    const [, uri = ''] = await first.says(/MongoDB is mounted .*: (mongodb:\S+)/)
    await first.says(/MongoDB, grouped: France [1-9]\d* visits, .*; documents agree/)
    await first.stop('SIGKILL')
    await gone(uri)
    // What it had written is there; the set is the same, at another port.
    await using second = startIn(env)
    const [, again = ''] = await second.says(/MongoDB is mounted .*: (mongodb:\S+)/)
    await using client = new MongoClient(again)
    expect(await client.db().collection('visits').countDocuments()).toBeGreaterThan(0)
    await client.close()
    expect(await second.stop('SIGINT')).toBe(0)
    expect(second.out).not.toContain('differ in')
    await gone(again)
  },
)

withMongod.it('Ctrl-C while the mongod starts ends both', async () => {
  await using atlas = startIn(await withFound())
  await atlas.says(/torn:/)
  expect(await atlas.stop('SIGINT')).toBe(0)
  expect(atlas.err).toBe('')
})

withMongod.it('a mongod that ends while it is mounted is told, and all else goes on', async () => {
  await using atlas = startIn(await withFound())
  const [, uri = ''] = await atlas.says(/MongoDB is mounted .*: (mongodb:\S+)/)
  await using client = new MongoClient(uri)
  const { pid } = await client.db('admin').command({ serverStatus: 1 })
  await client.close()
  process.kill(Number(pid), 'SIGKILL')
  await atlas.says(/MongoDB has gone \(mongod ended\): what is shown of it is how it was/)
  const before = atlas.out.split('\n').length
  await vi.waitFor(() => expect(atlas.out.split('\n').length).toBeGreaterThan(before + 1), { timeout: 30_000 })
  expect(await atlas.stop('SIGINT')).toBe(0)
})
