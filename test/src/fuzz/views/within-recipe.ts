import { prefix } from '@fanlight/core'
import { createRouter } from '@fanlight/router'
import { createClockStore } from '@fanlight/views'
import type { Store, Versions } from '@fanlight/core'
import type { State } from '../history.ts'
import { Memo, nothing } from '../memo.ts'
import type { TreeNode } from '../node.ts'
import type { World } from '../world.ts'
import { type Recipe, numberOf } from './recipe.ts'

const [data, clock] = ['data/', 'now']

/** The time, as a source of its own: what it shows at a version follows from the version. */
export class ClockNode implements TreeNode {
  readonly name: string
  readonly store: Store
  readonly parts: readonly TreeNode[] = []
  readonly #everyMs: number
  readonly #memo = new Memo()

  constructor(world: World) {
    this.name = world.name('clock')
    this.#everyMs = world.chance.pick([20, 100, 500])
    this.store = createClockStore({ name: this.name, everyMs: this.#everyMs, ...world.seams })
  }

  expected(point: Versions): State {
    const version = point[this.store.sources[0] ?? '']
    if (version === undefined) return nothing
    return this.#memo.get([], () => new Map([['', version * this.#everyMs]]), String(version))
  }

  prefixes(): readonly string[] {
    return ['']
  }
}

/** Another node, and the time beside it. */
export class TimedNode implements TreeNode {
  readonly name: string
  readonly store: Store
  readonly parts: readonly [TreeNode, ClockNode]
  readonly #memo = new Memo()

  constructor(world: World, of: TreeNode, time: ClockNode) {
    this.name = world.name('timed')
    this.parts = [of, time]
    const mounts = {
      [data]: { store: of.store, keepOpen: true },
      [clock]: { store: time.store, keepOpen: true },
    }
    this.store = createRouter(mounts, { name: this.name, ...world.seams }) as unknown as Store
  }

  expected(point: Versions): State {
    const [of, now] = this.parts.map((part) => part.expected(point)) as [State, State]
    return this.#memo.get([of, now], () => {
      const state = new Map([...of].map(([key, value]) => [data + key, value]))
      for (const value of now.values()) state.set(clock, value)
      return state
    })
  }

  prefixes(): readonly string[] {
    return this.parts[0].prefixes().map((inner) => data + inner)
  }
}

/**
 * A view of what lies in a window of time, of a node beside which the time stands.
 *
 * @param inner what it makes of that
 */
export function withinRecipe(world: World, inner: Recipe): Recipe {
  const { chance } = world
  const startMs = world.clock.now()
  const ms = chance.pick([100, 400, 1500, Infinity])
  // Some have been there for long, some are still to come, and some never are.
  const at = ({ value }: { readonly value: unknown }): number | undefined =>
    numberOf(value) % 7 === 0 ? undefined : startMs - 500 + ((numberOf(value) * 37) % 2500)
  return {
    make: (upstream, basics) => inner.make(upstream, { ...basics, query: prefix(data), within: { at, ms, clock } }),
    expected: (inputs) => {
      const now = inputs.get(clock) as number | undefined
      const inWindow = [...inputs].filter(([key, value]) => {
        const time = at({ value })
        return key.startsWith(data) && time !== undefined && now !== undefined && time <= now && time > now - ms
      })
      return inner.expected(new Map(inWindow))
    },
    prefixes: (of) => inner.prefixes(of),
    hasSameKeys: inner.hasSameKeys,
  }
}
