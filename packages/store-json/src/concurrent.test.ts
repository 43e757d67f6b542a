import { type Change, applyUpdate, isFanlightError, put } from '@fanlight/core'
import { breathe } from '@fanlight/core/testing'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type JsonStore, openJsonStore } from './index.ts'
import { edited } from './testing/json-text.ts'

async function opened(): Promise<{ path: string; store: JsonStore }> {
  const folder = mkdtempSync(join(tmpdir(), 'fanlight-json-'))
  const path = join(folder, 'file.json')
  writeFileSync(path, '{}\n')
  const store = await openJsonStore(path, { settleMs: 5 })
  onTestFinished(async () => {
    await store.close()
    rmSync(folder, { recursive: true })
  })
  return { path, store }
}

function membersOf(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
}

/** Commits without a pause, several at once, until told to stop. Gives how many were acknowledged. */
async function commitAtFullSpeed(store: JsonStore, lanes: number, isOver: () => boolean): Promise<number> {
  let acknowledged = 0
  const lane = async (name: number): Promise<void> => {
    for (let n = 0; !isOver(); n++) {
      try {
        await store.commit([put(`own ${name}`, n), put(`own ${name}/${n}`, n)])
        acknowledged++
      } catch (error) {
        // On a busy machine the other one may be first a hundred times in a row: then it is to be done again.
        if (!isFanlightError(error, 'UNAVAILABLE') || error.applied !== 'no') throw error
        n--
      }
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, name) => lane(name)))
  return acknowledged
}

async function caughtUp(store: JsonStore, path: string): Promise<void> {
  for (let i = 0; i < 400; i++) {
    const { entries } = await store.fetch({})
    if (JSON.stringify(Object.fromEntries(entries.map(({ key, value }) => [key, value]))) === sorted(membersOf(path)))
      return
    await breathe(5)
  }
  throw new Error('the store did not catch up with the file')
}

function sorted(members: Record<string, unknown>): string {
  return JSON.stringify(Object.fromEntries(Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1))))
}

test('nothing is lost between commits at full speed and others who change the file, each in one moment', async () => {
  const { path, store } = await opened()
  let isOver = false
  const work = commitAtFullSpeed(store, 8, () => isOver)
  const edits = 150
  for (let n = 0; n < edits; n++) {
    // Reading, changing and writing without a turn of the loop between: no renaming of ours falls in between.
    const text = edited(readFileSync(path, 'utf8'), [put(`foreign ${n}`, n)])
    if (n % 2 === 0) writeFileSync(path, text)
    else {
      writeFileSync(`${path}.new`, text)
      renameSync(`${path}.new`, path)
    }
    await breathe(n % 20)
  }
  isOver = true
  const acknowledged = await work
  const members = membersOf(path)
  const counted = (what: string): number => Object.keys(members).filter((key) => key.startsWith(what)).length
  expect(counted('foreign')).toBe(edits)
  expect(counted('own')).toBe(acknowledged + 8)
  expect(acknowledged).toBeGreaterThan(50)
  await caughtUp(store, path)
})

/** Another program: reads, changes and renames, as fast as it can. It tells what it wrote, and what it found again. */
const editor = `
const { readFileSync, renameSync, writeFileSync } = require('node:fs')
const [path, edits] = process.argv.slice(1)
const lost = new Set()
for (let n = 0; n < Number(edits); n++) {
  const members = JSON.parse(readFileSync(path, 'utf8'))
  for (let i = 0; i < n; i++) if (members['foreign ' + i] !== i) lost.add(i)
  members['foreign ' + n] = n
  writeFileSync(path + '.new', JSON.stringify(members))
  renameSync(path + '.new', path)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2)
}
console.log(JSON.stringify([...lost]))
`

test('of what another process does at the same time only what falls into the microseconds is lost, and all is shown', async () => {
  const { path, store } = await opened()
  let entries = (await store.fetch({})).entries
  const gone = new Set<string>()
  const feed = store.watch({}, { since: store.reached })
  const following = (async () => {
    for await (const update of feed) {
      for (const change of update.changes as Change[]) if (change.gone === true) gone.add(change.key)
      entries = applyUpdate(entries, update)
    }
  })()
  const edits = 200
  const child = spawn(process.execPath, ['-e', editor, path, `${edits}`], { stdio: ['ignore', 'pipe', 'inherit'] })
  let told = ''
  child.stdout.on('data', (data: Buffer) => (told += data.toString()))
  const ended = new Promise((resolve) => child.on('close', resolve))
  let isOver = false
  const work = commitAtFullSpeed(store, 4, () => isOver)
  expect(await ended).toBe(0)
  isOver = true
  const acknowledged = await work
  await caughtUp(store, path)
  await breathe(20)
  await feed.close()
  await following
  const members = membersOf(path)
  for (let lane = 0; lane < 4; lane++) {
    // Whoever overwrites what it has not read takes away what was committed: then that is a commit of its own, and seen.
    for (let n = 0; n < acknowledged; n++) {
      const key = `own ${lane}/${n}`
      const isAcknowledged = n < Number(members[`own ${lane}`] ?? 0)
      expect({ key, isSeen: !isAcknowledged || key in members || gone.has(key) }).toEqual({ key, isSeen: true })
    }
  }
  expect(sorted(Object.fromEntries(entries.map(({ key, value }) => [key, value])))).toBe(sorted(members))
  const lost = new Set(JSON.parse(told) as number[])
  for (let n = 0; n < edits; n++) if (members[`foreign ${n}`] !== n) lost.add(n)
  expect(lost.size).toBeLessThanOrEqual(edits / 20)
})
