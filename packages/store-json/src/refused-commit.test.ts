import { key, put } from '@fanlight/core'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openJsonStore } from './index.ts'
import { held } from './testing/real-file.ts'

test('L4: of a commit that is refused nothing is written with those that wait beside it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fanlight-json-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'file.json')
  writeFileSync(path, '{"v": 1}')
  const store = await openJsonStore(path, { depth: 2 })
  onTestFinished(() => store.close())
  const outcomes = await Promise.allSettled([
    store.commit([put(key('one', 'x'), 1)]),
    store.commit([put(key('two', 'x'), 2)]),
    // The member v is a value, and so can hold no keys: the key before it could be written.
    store.commit([put(key('half', 'x'), 3), put(key('v', 'x'), 3)]),
    store.commit([put(key('three', 'x'), 4)]),
  ])
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
  expect(outcomes[2]).toMatchObject({ reason: { code: 'BAD_KEY', applied: 'no' } })
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ v: 1, one: { x: 1 }, two: { x: 2 }, three: { x: 4 } })
  expect(await held(store)).toEqual({
    [key('v')]: 1,
    [key('one', 'x')]: 1,
    [key('two', 'x')]: 2,
    [key('three', 'x')]: 4,
  })
})
