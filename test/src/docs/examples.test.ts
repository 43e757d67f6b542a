import { afterAll, describe, expect, it } from 'vitest'
import { type Block, blocksOfDocument, blocksOfSource } from './blocks.ts'
import { documents, readText, sources } from './repository.ts'
import { Workshop, compared } from './workshop.ts'

const workshop = new Workshop()
afterAll(() => workshop.close())

const inDocuments = documents().flatMap((path) => blocksOfDocument(path, readText(path)))
const inSources = sources().flatMap((path) => blocksOfSource(path, readText(path)))
const files = new Map<Block, string>([...inDocuments, ...inSources].map((block) => [block, workshop.write(block)]))

describe.each([
  ['documents', inDocuments],
  ['comments of the sources', inSources],
])('the examples in the %s', (_, blocks) => {
  it('are there', () => {
    expect(blocks.length).toBeGreaterThan(0)
  })

  it.each(blocks.filter(({ compiledOnly }) => !compiledOnly))('$path:$line prints what it says', async (block) => {
    const logged = await workshop.run(files.get(block) ?? '')
    expect(compared(logged, block.expected)).toEqual(block.expected)
  })
})

it('examples compile', { timeout: 120_000 }, async () => {
  expect(await workshop.compile()).toEqual([])
})

it('an example that does not run declares tests', () => {
  const idle = [...inDocuments, ...inSources].filter(({ compiledOnly }) => compiledOnly)
  for (const { code } of idle) expect(code).toContain('@fanlight/core/conformance')
})
