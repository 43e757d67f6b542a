import { type Entry, type Store, type Versions, key as keyOf, parseVersions } from '@fanlight/core'
import { createChangelog } from '@fanlight/views'
import type { State } from '../history.ts'
import { Memo, nothing } from '../memo.ts'
import type { TreeNode } from '../node.ts'
import type { World } from '../world.ts'
import { inOrder } from './recipe.ts'

/** What one commit wrote into a log. */
type Records = readonly (Entry & { readonly of: string })[]

/** A changelog of a node of one source that moves. */
export class ChangelogNode implements TreeNode {
  readonly name: string
  store: Store
  readonly labels = ['changelog'] as const
  readonly parts: readonly [TreeNode]
  readonly #world: World
  readonly #make: () => Store
  readonly #last: number
  readonly #commits: number
  /** What each commit wrote: that follows from what was there before and after it. */
  readonly #memo = new Memo()
  readonly #records = new Map<number, Records>()

  constructor(world: World, of: TreeNode, into: Store | undefined) {
    const { chance } = world
    this.name = world.name('log')
    this.parts = [of]
    this.#world = world
    this.#last = chance.pick([Infinity, 1, 3])
    this.#commits = chance.pick([100_000, 4, 20])
    const options = {
      name: this.name,
      // Everything, each log in words of its own: so that its source is found among those of others.
      query: { lt: `\u{10ffff}${this.name};` },
      ...(this.#last === Infinity ? {} : { last: this.#last }),
      commits: this.#commits,
      delayMs: chance.pick([0, 0, 20, 200]),
      ...(into === undefined ? {} : { into }),
      ...(into === undefined && chance.happens(0.5) ? { history: { commits: 2 + chance.below(20) } } : {}),
      ...world.seams,
    }
    this.#make = () => createChangelog(of.store, options) as Store
    this.store = this.#make()
  }

  /** What happened from where the log begins, which its source says, up to a point. */
  expected(point: Versions): State {
    const since = this.#sinceOf(point)
    const source = Object.keys(point).find((id) => id in (since ?? {}) && !isStill(id))
    if (since === undefined || source === undefined) return nothing
    const [from, to] = [since[source] ?? 0, point[source] ?? 0]
    return this.#memo.get([], () => this.#happened(point, source, from, to), `${source} ${from} ${to}`)
  }

  #happened(point: Versions, source: string, from: number, to: number): State {
    const versions = this.#world.histories.get(source)?.versionsIn(from + 1, to) ?? []
    const steps = versions.map((version) => this.#recordsOf(point, source, version)).filter(({ length }) => length > 0)
    const state = new Map<string, unknown>()
    const seen = new Map<string, number>()
    // The newest first: of each key so many, of so many commits.
    for (const { key, value, of } of steps.slice(-this.#commits).toReversed().flat()) {
      const newer = seen.get(of) ?? 0
      seen.set(of, newer + 1)
      if (newer < this.#last) state.set(key, value)
    }
    return state
  }

  prefixes(): readonly string[] {
    return this.parts[0].prefixes().map((prefix) => (prefix === '' ? '' : keyOf(prefix)))
  }

  /** Closes the log and makes it anew: where it is kept in a store, it must follow on. */
  async restart(): Promise<void> {
    this.#world.counters.restarts++
    await this.#world.close(this.store)
    this.store = this.#make()
  }

  #sinceOf(point: Versions): Versions | undefined {
    const own = Object.keys(point).find((id) => id.startsWith('changelog@[') && id.includes(`${this.name};`))
    if (own === undefined) return undefined
    const [since] = JSON.parse(own.slice('changelog@'.length)) as [string]
    return parseVersions(since)
  }

  #recordsOf(point: Versions, source: string, version: number): Records {
    const known = this.#records.get(version)
    if (known !== undefined) return known
    const [of] = this.parts
    const [before, after] = [version - 1, version].map((at) => of.expected({ ...point, [source]: at })) as [
      State,
      State,
    ]
    const differs = (key: string): boolean => JSON.stringify(before.get(key)) !== JSON.stringify(after.get(key))
    const written = inOrder(new Map([...before, ...after])).filter(({ key }) => differs(key))
    const records = written.map(({ key }) => ({
      of: key,
      key: keyOf(key, version),
      value: after.has(key) ? { version, value: after.get(key) } : { version, gone: true },
    }))
    this.#records.set(version, records)
    return records
  }
}

/** Whether a node has one source that moves, so that its commits have an order. */
export function hasOneSource({ store }: TreeNode): boolean {
  return (
    store.sources.filter((id) => !isStill(id)).length === 1 && !store.sources.some((id) => id.startsWith('changelog@'))
  )
}

function isStill(id: string): boolean {
  return id.startsWith('view@') || id.startsWith('changelog@')
}
