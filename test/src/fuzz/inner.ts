import { type Store, type Versions, prefixed, readonly } from '@fanlight/core'
import { lagging } from '@fanlight/core/testing'
import { type Router, createRouter } from '@fanlight/router'
import type { State } from './history.ts'
import { Memo, nothing } from './memo.ts'
import type { TreeNode } from './node.ts'
import type { World } from './world.ts'

/** A node over one other that shows the same, perhaps later or at other keys. */
export class WrapperNode implements TreeNode {
  readonly name: string
  readonly store: Store
  readonly parts: readonly TreeNode[]
  readonly #prefix: string
  readonly #memo = new Memo()
  /** Lets the node catch up, where it lags. */
  readonly release: (() => Promise<void>) | undefined

  constructor(world: World, of: TreeNode) {
    this.parts = [of]
    const kind = world.chance.pick(['readonly', 'prefixed', 'lagging'] as const)
    this.name = world.name(kind)
    this.#prefix = kind === 'prefixed' ? world.chance.pick(['', 'k', 'k1']) : ''
    if (kind === 'readonly') this.store = readonly(of.store)
    else if (kind === 'prefixed') this.store = prefixed(of.store, this.#prefix)
    else {
      const late = lagging(of.store, { clock: world.clock })
      this.store = late
      this.release = () => late.releaseAll()
    }
  }

  expected(point: Versions): State {
    const state = this.parts[0]?.expected(point) ?? nothing
    if (this.#prefix === '') return state
    return this.#memo.get([state], () => {
      const own = [...state].filter(([key]) => key.startsWith(this.#prefix))
      return new Map(own.map(([key, value]) => [key.slice(this.#prefix.length), value]))
    })
  }

  prefixes(): readonly string[] {
    return this.#prefix === '' ? (this.parts[0]?.prefixes() ?? ['']) : ['']
  }
}

const places = ['', 'a/', 'a/b/', 'k/', 'c/', 'd/', '__proto__/']

/** A router over several nodes. */
export class RouterNode implements TreeNode {
  readonly name: string
  readonly store: Router<{ '': unknown }> & Store
  /** For each version of the table, what stood where, and what that showed: a store that was restarted since shows its own. */
  readonly #tables = new Map<number, ReadonlyMap<string, Shown>>()
  #mounts: Map<string, TreeNode>
  readonly #source: string
  readonly #memo = new Memo()

  constructor(world: World, children: readonly TreeNode[]) {
    this.name = world.name('router')
    this.#mounts = new Map()
    for (const child of children) {
      const at = child.store.supports.single ? `single${world.name('')}` : world.chance.pick(places)
      this.#mounts.set(at, child)
      // Now and then a store stands at two places.
      if (!child.store.supports.single && world.chance.happens(0.2)) this.#mounts.set(`twice${world.name('')}/`, child)
    }
    const mounts = Object.fromEntries(
      [...this.#mounts].map(([prefix, child]) => [prefix, { store: child.store, keepOpen: true }]),
    )
    const inner = new Set(children.flatMap((child) => child.store.sources))
    this.store = createRouter(mounts, { name: this.name, ...world.seams }) as unknown as Router<{ '': unknown }> & Store
    this.#source = this.store.sources.find((source) => !inner.has(source)) ?? ''
    this.#tables.set(this.store.reached[this.#source] ?? 0, shownBy(this.#mounts))
  }

  get parts(): readonly TreeNode[] {
    return [...new Set(this.#mounts.values())]
  }

  /** Where each child stands. */
  get mounts(): ReadonlyMap<string, TreeNode> {
    return this.#mounts
  }

  expected(point: Versions): State {
    const version = point[this.#source] ?? 0
    const mounts = [...(this.#tables.get(version) ?? this.#tableAt(version))].sort(([a], [b]) => a.length - b.length)
    const parts = mounts.map(([prefix, shown]) => [prefix, shown(point)] as const)
    const make = (): State => {
      const state = new Map<string, unknown>()
      for (const [prefix, shown] of parts) {
        for (const key of state.keys()) if (covers(prefix, key)) state.delete(key)
        for (const [key, value] of shown) state.set(prefix + key, value)
      }
      // A deeper mount shadows a shallower one, whose keys came first; those of the deeper one came after.
      return state
    }
    const shown = parts.map(([, state]) => state)
    return this.#memo.get(shown, make, JSON.stringify(mounts.map(([prefix]) => prefix)))
  }

  prefixes(): readonly string[] {
    return [...this.#mounts].flatMap(([prefix, child]) => child.prefixes().map((inner) => prefix + inner))
  }

  /** Moves, adds or replaces a mount under running feeds. */
  remount(world: World, candidates: readonly TreeNode[]): void {
    if (candidates.length === 0) return
    const child = world.chance.pick(candidates)
    const at = world.chance.pick(places)
    const replaced = this.#mounts.has(at)
    if (replaced && world.chance.happens(0.4) && this.#mounts.size > 1) {
      this.#changed(this.store.unmount(at), (mounts) => mounts.delete(at))
    } else {
      if (replaced) this.#changed(this.store.unmount(at), (mounts) => mounts.delete(at))
      this.#changed(this.store.mount(at, child.store, { keepOpen: true }), (mounts) => mounts.set(at, child))
    }
    world.counters.remounts++
  }

  /** A child has another store now, after a restart. */
  replaced(child: TreeNode): void {
    for (const [prefix, mounted] of this.#mounts) {
      if (mounted !== child) continue
      this.#changed(this.store.unmount(prefix), (mounts) => mounts.delete(prefix))
      this.#changed(this.store.mount(prefix, child.store, { keepOpen: true }), (mounts) => mounts.set(prefix, child))
    }
  }

  #changed(versions: Versions, change: (mounts: Map<string, TreeNode>) => unknown): void {
    const mounts = new Map(this.#mounts)
    change(mounts)
    this.#mounts = mounts
    this.#tables.set(versions[this.#source] ?? 0, shownBy(mounts))
  }

  #tableAt(version: number): ReadonlyMap<string, Shown> {
    const before = [...this.#tables.keys()].filter((one) => one <= version)
    return this.#tables.get(Math.max(...before)) ?? new Map()
  }
}

type Shown = (point: Versions) => State

function shownBy(mounts: ReadonlyMap<string, TreeNode>): ReadonlyMap<string, Shown> {
  return new Map(
    [...mounts].map(([prefix, child]) => [prefix, child.shown?.() ?? ((point: Versions) => child.expected(point))]),
  )
}

function covers(prefix: string, key: string): boolean {
  return prefix === '' || prefix.endsWith('/') ? key.startsWith(prefix) : key === prefix
}
