import {
  type Change,
  type Mirror,
  type Query,
  type Store,
  type Versions,
  createMemoryStore,
  everything,
  live,
  mirror,
  prefixed,
} from '@fanlight/core'
import { anyQuery, answer } from '@fanlight/core/conformance'
import { readQuery, spansHave } from '@fanlight/core/kit'
import { seededRandom, turns } from '@fanlight/core/testing'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'

const keys = ['', 'a', 'a/b', 'b', '__proto__', '😀']
const watermarkKey = 'watermark'

const changes: fc.Arbitrary<Change[]> = fc.uniqueArray(
  fc.oneof(
    fc.record({ key: fc.constantFrom(...keys), value: fc.integer({ min: 0, max: 9 }) }),
    fc.record({ key: fc.constantFrom(...keys), gone: fc.constant(true as const) }),
  ),
  { selector: ({ key }) => key, maxLength: 3 },
)

const action = fc.oneof(
  { weight: 5, arbitrary: fc.record({ commit: changes }) },
  { weight: 3, arbitrary: fc.record({ foreign: changes }) },
  { weight: 1, arbitrary: fc.constantFrom('no mark' as const, 'wrong mark' as const) },
  { weight: 3, arbitrary: fc.constantFrom('settle' as const, 'turn' as const) },
  { weight: 2, arbitrary: fc.constantFrom('down' as const, 'up' as const) },
)
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never

type Entries = Map<string, unknown>

/** A store, what others and a mirror do to another, and what may stand there. */
class Scene {
  readonly failures: unknown[] = []
  readonly heard: unknown[] = []
  readonly store
  readonly sink = createMemoryStore({ name: 'to', random: seededRandom(2) })
  readonly states: Entries[] = [new Map()]
  /** What others wrote, and nobody put back yet: values of keys, undefined where they are gone. */
  readonly foreign: Entries = new Map()
  readonly #query: Query
  readonly #start: () => Mirror
  mirrored: Mirror | undefined
  looks = 0

  constructor(query: Query, commits: number, foreign: 'repair' | 'refuse') {
    this.#query = query
    this.store = createMemoryStore({ name: 'from', random: seededRandom(1), history: { commits } })
    const shown = prefixed(this.sink as Store, '')
    const commit = shown.commit?.bind(shown)
    Object.defineProperty(shown, 'commit', {
      value: async (list: Change[], options: never) => {
        await turns(3)
        return commit?.(list, options)
      },
    })
    const clock = { now: () => 0, after: (_ms: number, run: () => void) => (queueMicrotask(run), () => undefined) }
    const onError = (error: unknown): unknown => this.heard.push(error)
    const options = { prefix: 'p/', watermarkKey, clock, random: seededRandom(3), foreign, onError }
    this.#start = () => mirror(this.store, query, shown, options)
  }

  up(): void {
    this.mirrored ??= this.#start()
  }

  async down(): Promise<void> {
    await this.mirrored?.close()
    this.mirrored = undefined
  }

  async commit(list: readonly Change[]): Promise<void> {
    const next = new Map(this.states.at(-1))
    for (const { key, value, gone } of list) {
      if (gone === true) next.delete(key)
      else next.set(key, value)
    }
    this.states.push(next)
    await this.store.commit(list)
  }

  /** Somebody else writes into the sink. */
  intrude(list: readonly Change[]): Promise<Versions | undefined> {
    for (const { key, value } of list) this.foreign.set(key, value)
    return this.sink.commit(list.map((change) => ({ ...change, key: `p/${change.key}` })))
  }

  /** What the query says at the watermark; undefined where nobody can tell. */
  expected(mark: unknown): Entries | undefined {
    const { versions } = (mark ?? {}) as { versions?: Versions }
    if (versions === undefined) return undefined
    const state = this.states[versions[this.store.sources[0] ?? ''] ?? 0] ?? new Map<string, unknown>()
    return new Map(answer(this.#query, state).map(({ key, value }) => [key, value]))
  }

  /** L4: what is not what the query says at the watermark is what somebody else wrote. */
  check(entries: readonly { readonly key: string; readonly value: unknown }[]): void {
    const expected = this.expected(entries.find(({ key }) => key === watermarkKey)?.value)
    if (expected === undefined) return
    const held = new Map(entries.flatMap(({ key, value }) => (key.startsWith('p/') ? [[key.slice(2), value]] : [])))
    for (const key of keys) {
      if (held.get(key) === expected.get(key)) continue
      expect(this.foreign.has(key), `${key} is of nobody`).toBe(true)
      expect(held.get(key)).toBe(this.foreign.get(key))
    }
    this.looks++
  }

  async isWhole(): Promise<void> {
    const { entries } = await this.sink.fetch(everything)
    const own = entries
      .filter(({ key }) => key.startsWith('p/'))
      .map(({ key, value }) => [key.slice(2), value] as const)
    const held = new Map(own.filter(([key]) => spansHave(readQuery(this.#query), key)))
    expect(held).toEqual(this.expected(entries.at(-1)?.value))
  }
}

async function play(scene: Scene, actions: readonly Action[], after: (step: Action) => unknown): Promise<void> {
  const held = live(scene.sink, everything)
  held.onChange(() => {
    try {
      scene.check(held.value ?? [])
    } catch (error) {
      scene.failures.push(error)
    }
  })
  scene.up()
  for (const step of actions) {
    if (step === 'settle') await turns(1_000)
    else if (step === 'turn') await turns(5)
    else if (step === 'down') await scene.down()
    else if (step === 'up') scene.up()
    else if (step === 'no mark') await scene.sink.commit([{ key: watermarkKey, gone: true }])
    else if (step === 'wrong mark') await scene.sink.commit([{ key: watermarkKey, value: 'no' }])
    else if ('commit' in step) await scene.commit(step.commit)
    else await scene.intrude(step.foreign)
    await after(step)
  }
  await held.close()
  for (const failure of scene.failures) throw failure
}

const runs = 150 * Number(process.env['FANLIGHT_RUNS'] ?? 1)

test('L4, L6: what others change in the ranges of a mirror is put back, also where it was away, and nothing else stands there', async () => {
  let [looks, repairs] = [0, 0]
  await fc.assert(
    fc.asyncProperty(
      anyQuery(keys),
      fc.array(action, { maxLength: 40, size: 'max' }),
      fc.constantFrom(1, 2, 1000),
      async (query: Query, actions, commits) => {
        const scene = new Scene(query, commits, 'repair')
        await play(scene, actions, async (step) => {
          if (step === 'settle' && scene.mirrored !== undefined) await scene.isWhole()
        })
        scene.up()
        await scene.mirrored?.settled(undefined, Infinity)
        await turns(1_000)
        await scene.isWhole()
        expect(scene.mirrored?.versions).toEqual(scene.store.reached)
        for (const error of scene.heard) expect(['CONFLICT', 'LOST_IN_FOG']).toContain((error as { code: string }).code)
        looks += scene.looks
        repairs += scene.heard.filter((error) => (error as Error).message.includes('put back')).length
        await scene.down()
      },
    ),
    { numRuns: runs },
  )
  expect(looks).toBeGreaterThan(runs)
  expect(repairs).toBeGreaterThan(runs / 3)
})

test('L4: a mirror that is to refuse what others change never writes over it, and names it', async () => {
  let refusals = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        action.filter((step) => step !== 'no mark' && step !== 'wrong mark'),
        { maxLength: 40, size: 'max' },
      ),
      async (actions) => {
        const scene = new Scene(everything, 1000, 'refuse')
        /** What others changed, by the key, and what stands there. */
        const theirs: Entries = new Map()
        const isRefused = (): boolean =>
          scene.heard.some((error) => (error as { message: string }).message.includes('refuse'))
        const intrude = scene.intrude.bind(scene)
        scene.intrude = async (list) => {
          const mark = await scene.sink.fetch(watermarkKey)
          // The first one, and once: what is changed back is no change.
          if (theirs.size > 0 || isRefused() || mark.entries.length === 0) return undefined
          const versions = await intrude(list)
          const [source = ''] = scene.sink.sources
          const { entries } = await scene.sink.fetch(everything, { max: { [source]: (versions?.[source] ?? 0) - 1 } })
          const before = new Map(entries.map(({ key, value }) => [key, value]))
          for (const { key, value } of list) if (before.get(`p/${key}`) !== value) theirs.set(`p/${key}`, value)
          return versions
        }
        await play(scene, actions, () => undefined)
        scene.up()
        await turns(1_000)
        const { entries } = await scene.sink.fetch(everything)
        const after = new Map(entries.map(({ key, value }) => [key, value]))
        for (const [key, value] of theirs) expect(after.get(key)).toBe(value)
        if (theirs.size === 0) {
          expect(isRefused()).toBe(false)
          await scene.isWhole()
        } else {
          refusals++
          expect(scene.mirrored?.error).toMatchObject({ code: 'CONFLICT', keys: [...theirs.keys()].sort() })
          await expect(scene.mirrored?.settled(undefined, Infinity)).rejects.toBe(scene.mirrored?.error)
        }
        await scene.down()
      },
    ),
    { numRuns: runs },
  )
  expect(refusals).toBeGreaterThan(runs / 4)
})
