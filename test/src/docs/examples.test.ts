import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ReplicaSet, needsMongod, startReplicaSet } from '../support/index.ts'
import { type Block, blocksOfDocument, blocksOfSource } from './blocks.ts'
import { documents, readText, sources } from './repository.ts'
import { Workshop, compared } from './workshop.ts'

const withMongod = await needsMongod()
const workshop = new Workshop()
afterAll(() => workshop.close())

const inDocuments = documents().flatMap((path) => blocksOfDocument(path, readText(path)))
const inSources = sources().flatMap((path) => blocksOfSource(path, readText(path)))
/** Those that can stand alone. What names nothing that it imports is a sketch. */
const whole = [...inDocuments, ...inSources].filter(({ idle, code }) => !idle || code.includes('import '))
const files = new Map<Block, string>(whole.map((block) => [block, workshop.write(block)]))

describe.each([
  ['documents', inDocuments],
  ['comments of the sources', inSources],
])('the examples in the %s', (_, blocks) => {
  it('are there', () => {
    expect(blocks.length).toBeGreaterThan(0)
  })

  it.each(blocks.filter((block) => !block.idle && !asksMongo(block)))('$path:$line prints what it says', runs)
})

withMongod.describe('the examples that need a MongoDB', () => {
  let set: ReplicaSet | undefined
  beforeAll(async () => {
    set = await startReplicaSet()
    process.env['MONGODB_URI'] = set.uri
  })
  afterAll(() => set?.stop())

  it.each([...inDocuments, ...inSources].filter(asksMongo))('$path:$line prints what it says', runs)
})

async function runs(block: Block): Promise<void> {
  const logged = await workshop.run(files.get(block) ?? '')
  expect(compared(logged, block.expected)).toEqual(block.expected)
}

function asksMongo({ code }: Block): boolean {
  return code.includes('MONGODB_URI')
}

it('examples compile', { timeout: 120_000 }, async () => {
  expect(await workshop.compile()).toEqual([])
})

it('only suites and what tests are made of have examples that do not run', () => {
  const idle = [...inDocuments, ...inSources].filter((block) => block.idle)
  for (const { path } of idle) expect(path).toMatch(/\/(conformance|testing)\//)
})
