/**
 * A process writes, is killed at any moment, and what it acknowledged must be there: also where all that was not synced is
 * lost, as in a power cut. The writer runs what was built: `npx tsc -b packages/store-level` first.
 */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Change, type Query, type Versions, del, put } from '@fanlight/core'
import { type State, answer } from '@fanlight/core/conformance'
import { breathe, seededRandom } from '@fanlight/core/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LevelStore, openLevelStore } from '../index.ts'

const long = process.env['LONG'] === '1'
const crashes = long ? 200 : 20
const here = fileURLToPath(new URL('.', import.meta.url))
const built = fileURLToPath(new URL('../../dist/index.js', import.meta.url))
const root = await mkdtemp(join(tmpdir(), 'fanlight-crash-'))
const shim = join(root, 'fsync-log.so')
const canCompile = compiles()

beforeAll(() => {
  expect(existsSync(built), 'the writer runs what was built: npx tsc -b packages/store-level').toBe(true)
})
afterAll(() => rm(root, { recursive: true }))

function compiles(): boolean {
  if (process.platform !== 'linux') return false
  try {
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', shim, join(here, 'fsync-log.c'), '-ldl'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

type Put = readonly [key: string, size: number]

/** What the writer tells. */
interface Line {
  readonly opened?: string
  readonly n?: number
  readonly puts?: readonly Put[]
  readonly acknowledged?: number
  readonly version?: number
  readonly logs?: Readonly<Record<string, number>>
}

/** What is known of a folder, over all the processes that wrote in it. */
class KnownHistory {
  readonly folder: string
  /** The state at each version that is known; one commit a version. */
  readonly states: State[] = [new Map()]
  /** What each commit tried, by its number. */
  readonly tries = new Map<number, readonly Put[]>()
  /** How many commits were acknowledged. */
  acknowledged = 0
  /** How many bytes each crash lost that were not synced. */
  readonly dropped: number[] = []

  constructor(folder: string) {
    this.folder = folder
  }

  get version(): number {
    return this.states.length - 1
  }

  /** The number of the next commit: a try that was not acknowledged is never made again under its number. */
  get next(): number {
    return this.tries.size === 0 ? 0 : Math.max(...this.tries.keys()) + 1
  }

  add(n: number): void {
    const state = new Map(this.states.at(-1))
    for (const change of changesOf(n, this.tries.get(n) ?? [])) {
      if (change.gone === true) state.delete(change.key)
      else state.set(change.key, change.value)
    }
    this.states.push(state)
  }
}

function changesOf(n: number, puts: readonly Put[]): Change[] {
  return [put('last', n), ...puts.map(([key, size]) => (size < 0 ? del(key) : put(key, { n, text: 'x'.repeat(size) })))]
}

interface Run {
  readonly lines: readonly Line[]
  /** The length of each log up to which it was synced, by the name of the file. */
  readonly synced: Readonly<Record<string, number>>
}

/** Lets a writer write for a while, and kills it. */
async function crash(history: KnownHistory, seed: number, sync: boolean, preload: boolean): Promise<Run> {
  const syncLog = join(root, 'synced')
  await writeFile(syncLog, '')
  const env = preload ? { ...process.env, LD_PRELOAD: shim, SYNC_LOG: syncLog } : process.env
  const args = [join(here, 'writer.mjs'), history.folder, String(seed), String(sync), String(history.next)]
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  const ended = new Promise<string | null>((resolve) => child.on('close', (_code, signal) => resolve(signal)))
  const begun = new Promise<void>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (some: string) => {
      text += some
      if (text.includes('"acknowledged"')) resolve()
    })
  })
  await Promise.race([begun, ended])
  await breathe(seededRandom(seed)() * 120)
  child.kill('SIGKILL')
  expect(await ended, 'the writer ended by itself').toBe('SIGKILL')
  // The last line may be cut.
  const lines = text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line)
  const synced: Record<string, number> = { ...lines.findLast(({ logs }) => logs !== undefined)?.logs }
  if (preload) {
    for (const name of Object.keys(synced)) delete synced[name]
    for (const line of (await readFile(syncLog, 'utf8')).split('\n')) {
      const [, length, name] = /^(\d+) .*\/(\d+\.log)$/.exec(line) ?? []
      if (name !== undefined) synced[name] = Number(length)
    }
  }
  return { lines, synced }
}

/** Loses what was not synced. */
async function cut(history: KnownHistory, { synced }: Run): Promise<void> {
  let dropped = 0
  for (const name of await readdir(history.folder)) {
    if (!name.endsWith('.log')) continue
    const path = join(history.folder, name)
    const { size } = await stat(path)
    const kept = Math.min(size, synced[name] ?? 0)
    dropped += size - kept
    await truncate(path, kept)
  }
  history.dropped.push(dropped)
}

/** Checks all that the folder says against what the writer told; takes on what is there and was not acknowledged. */
async function check(history: KnownHistory, { lines }: Run, seed: number): Promise<void> {
  const { tries } = history
  const acknowledged = new Map<number, number>()
  for (const { n, puts, acknowledged: done, version = 0 } of lines) {
    if (n !== undefined && puts !== undefined) tries.set(n, puts)
    if (done !== undefined) acknowledged.set(version, done)
  }
  const source = lines.find(({ opened }) => opened !== undefined)?.opened ?? ''
  expect(lines[0]).toMatchObject({ version: history.version })
  const store = await openLevelStore(history.folder, { history: { commits: 300 } })
  const [now = ''] = store.sources
  const reached = store.reached[now] ?? 0
  expect(store.continues?.at(-1)).toEqual({ id: source, upTo: reached, as: now })
  const top = Math.max(history.version, ...acknowledged.keys())
  expect(reached, 'what was acknowledged is there').toBeGreaterThanOrEqual(top)
  while (history.version < reached) {
    const version = history.version + 1
    const known = acknowledged.get(version)
    if (version <= top) expect(known, `who made version ${version}`).toBeDefined()
    history.add(known ?? (await whoMade(store, { [now]: version - 1 }, { [now]: version })))
  }
  history.acknowledged += acknowledged.size
  await checkPast(history, store, now, seed)
  await checkRetries(history, store, acknowledged, source)
  await store.close()
}

/** The number of the commit that was not acknowledged, and is there. */
async function whoMade(store: LevelStore, since: Versions, until: Versions): Promise<number> {
  const { changes } = await store.changes('last', { since, until })
  return changes[0]?.value as number
}

const queries: readonly Query[] = [
  {},
  'last',
  'k7',
  { gte: 'k1', lt: 'k2' },
  { limit: 3 },
  { reverse: true, limit: 2 },
  ['k3', { gt: 'k5' }],
]

/** L1, L4, L6: at points all over the past, and from each to the next. */
async function checkPast({ states }: KnownHistory, store: LevelStore, source: string, seed: number): Promise<void> {
  const random = seededRandom(seed)
  const [oldest, reached] = [store.oldest[source] ?? 0, store.reached[source] ?? 0]
  const points = new Set([
    oldest,
    ...Array.from({ length: 6 }, () => oldest + Math.floor(random() * (reached - oldest + 1))),
  ])
  for (let version = Math.max(oldest, reached - 12); version <= reached; version++) points.add(version)
  for (const version of points) {
    const query = queries[Math.floor(random() * queries.length)] ?? {}
    const expected = answer(query, states[version] ?? new Map())
    const { entries, windows } = await store.fetch(query, { min: { [source]: version }, max: { [source]: version } })
    expect(entries.map(({ key, value }) => ({ key, value }))).toEqual(expected)
    const { from, to } = windows[source] ?? { from: 0, to: 0 }
    for (const inside of [from, Math.floor((from + to) / 2), to])
      expect(answer(query, states[inside] ?? new Map())).toEqual(expected)
    if (version === reached) continue
    const { changes } = await store.changes({}, { since: { [source]: version }, until: { [source]: version + 1 } })
    const state = new Map(states[version])
    for (const { key, value, gone } of changes) {
      if (gone === true) expect(state.delete(key)).toBe(true)
      else state.set(key, value)
    }
    expect(state).toEqual(states[version + 1])
  }
}

/** Section 6: what was acknowledged is not applied again. */
async function checkRetries(
  { tries }: KnownHistory,
  store: LevelStore,
  acknowledged: ReadonlyMap<number, number>,
  source: string,
): Promise<void> {
  const [last] = [...acknowledged].sort(([a], [b]) => b - a)
  if (last === undefined) return
  const [version, n] = last
  const id = { session: 'writer', number: n, born: { [source]: version } }
  expect(Object.values(await store.commit(changesOf(n, tries.get(n) ?? []), { id }))).toEqual([version])
}

/** Crashes again and again in one folder. */
async function crashAll(
  times: number,
  options: { sync?: boolean; preload?: boolean; isCut: boolean },
): Promise<KnownHistory> {
  const history = new KnownHistory(await mkdtemp(join(root, 'store-')))
  for (let seed = 1; seed <= times; seed++) {
    const run = await crash(history, seed, options.sync ?? true, options.preload ?? false)
    if (options.isCut) await cut(history, run)
    await check(history, run, seed)
  }
  return history
}

/** A run in which little happened says nothing. */
function checkTraffic({ acknowledged, dropped }: KnownHistory, times: number, isCut: boolean): void {
  console.info(
    `${times} crashes, ${acknowledged} commits acknowledged; bytes dropped: ${isCut ? dropped.join(' ') : 'none'}`,
  )
  expect(acknowledged).toBeGreaterThan(times * 8)
  if (isCut) expect(Math.max(...dropped), 'bytes that were not synced, and lost').toBeGreaterThan(0)
}

describe('section 7: durability', () => {
  const timeoutMs = crashes * 10_000

  it(
    `L4: survives ${crashes} kills`,
    async () => {
      checkTraffic(await crashAll(crashes, { isCut: false }), crashes, false)
    },
    timeoutMs,
  )

  it(
    `L4: survives ${crashes} losses of what was not synced`,
    async () => {
      checkTraffic(await crashAll(crashes, { isCut: true }), crashes, true)
    },
    timeoutMs,
  )

  const title = `with the lengths that were synced in truth${canCompile ? '' : ' [not run: no C compiler on Linux]'}`
  describe.skipIf(!canCompile)(title, () => {
    const times = long ? crashes : 8

    it(
      `L4: survives ${times} losses of what was not synced`,
      async () => {
        checkTraffic(await crashAll(times, { isCut: true, preload: true }), times, true)
      },
      timeoutMs,
    )

    it(
      'the checks find what is lost without `sync`',
      async () => {
        await expect(crashAll(times, { isCut: true, preload: true, sync: false })).rejects.toThrow('acknowledged')
      },
      timeoutMs,
    )
  })
})
