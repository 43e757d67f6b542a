import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '@fanlight/client-browser'
import { get, put } from '@fanlight/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Program, start } from '../support/program.ts'

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fanlight-level-server-'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

const levelServer = (...args: readonly string[]): Program => start('examples/level-server/dist/main.js', ...args)

async function urlOf(program: Program): Promise<string> {
  const [, url = ''] = await program.says(/is served at (\S+)/)
  return url
}

describe('the example level-server', () => {
  test('serves a folder; who asks it to end has it closed, and it goes on from there', async () => {
    const path = join(folder, 'kept')
    for (const [count, signal] of [
      [1, 'SIGINT'],
      [2, 'SIGTERM'],
    ] as const) {
      await using program = levelServer(path)
      const remote = await connect(await urlOf(program))
      expect(await get(remote, 'count')).toBe(count === 1 ? undefined : count - 1)
      await remote.commit([put('count', count)])
      // It ends while somebody is connected.
      expect(await program.stop(signal)).toBe(0)
      expect(program.err).toBe('')
      await remote.close()
    }
  })

  test('says what is wrong, and ends with 1', async () => {
    await using first = levelServer(join(folder, 'open'))
    const { port } = new URL(await urlOf(first))
    const file = join(folder, 'file')
    await writeFile(file, 'no folder')
    const wrong = [
      [[], /which folder\? level-server <folder> \[port\]/],
      [[join(folder, 'other'), port], new RegExp(`port ${port} .* is taken: choose another`)],
      [[join(folder, 'other'), 'eighty'], /port should be >= 0 and < 65536/],
      [[join(folder, 'open')], /another store has the folder .* open: close that one first/],
      [[folder], /it holds other things: name an empty folder/],
      [[file], /cannot be read or made.*ENOTDIR/],
    ] as const
    for (const [args, says] of wrong) {
      await using program = levelServer(...args)
      expect(await program.ended).toBe(1)
      expect(program.err).toMatch(says)
      // One line, and no stack.
      expect(program.err.trimEnd().split('\n')).toHaveLength(1)
    }
  })
})
