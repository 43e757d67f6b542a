import { afterAll, describe, expect, it } from 'vitest'
import { type Block, blocksOfDocument, blocksOfSource } from './blocks.ts'
import { documents, readText, sources } from './repository.ts'
import { Workshop, compared } from './workshop.ts'

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

  it.each(blocks.filter(({ idle }) => !idle))('$path:$line prints what it says', async (block) => {
    const logged = await workshop.run(files.get(block) ?? '')
    expect(compared(logged, block.expected)).toEqual(block.expected)
  })
})

it('examples compile', { timeout: 120_000 }, async () => {
  expect(await workshop.compile()).toEqual([])
})

it('only suites and what tests are made of have examples that do not run', () => {
  const idle = [...inDocuments, ...inSources].filter((block) => block.idle)
  for (const { path } of idle) expect(path).toMatch(/\/(conformance|testing)\//)
})
