import { errorCodes } from '@fanlight/core'
import { describe, expect, it } from 'vitest'
import { filesUnder, readText } from './repository.ts'

const headings = readText('docs/errors.md')
  .split('\n')
  .flatMap((line) => /^## (.+)$/.exec(line)?.[1] ?? [])

/** Every test, and every part of the suite that all stores run, but this folder: what is only listed here is not reached. */
const tests = ['packages', 'test', 'bench', 'examples']
  .flatMap(filesUnder)
  .filter((path) => /\.test\.ts$|\/conformance\/parts\//.test(path) && !path.startsWith('test/src/docs/'))

describe('the codes of errors', () => {
  it('have a heading each in docs/errors.md, in the order of errors.ts', () => {
    expect(headings).toEqual([...errorCodes])
  })

  it.each([...errorCodes])('%s is reached by a test', (code) => {
    expect(tests.some((path) => readText(path).includes(`'${code}'`))).toBe(true)
  })
})
