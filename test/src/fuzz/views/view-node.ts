import { type Store, type Versions, createMemoryStore } from '@fanlight/core'
import { sameKeys } from '@fanlight/views'
import type { Label } from '../counters.ts'
import type { State } from '../history.ts'
import { Memo } from '../memo.ts'
import type { DerivedNode, TreeNode } from '../node.ts'
import type { World } from '../world.ts'
import { groupRecipe } from './group-recipe.ts'
import { joinRecipe } from './join-recipe.ts'
import { mapRecipe } from './map-recipe.ts'
import { type Recipe, numberOf } from './recipe.ts'
import { withinRecipe } from './within-recipe.ts'

/** Of which kind a view is, and when it is worked out. */
export interface ViewSpec {
  readonly kind: 'map' | 'group' | 'join' | 'within' | 'changelog'
  readonly mode: 'active' | 'passthrough' | 'lazy'
  /** Whether it is kept in a store, or reads the same keys only. Default: perhaps. */
  readonly isSpecial?: boolean
}

/** Every kind in every mode that there is. */
export const viewSpecs: readonly ViewSpec[] = [
  ...(['map', 'group', 'join', 'within'] as const).flatMap((kind): ViewSpec[] => [
    { kind, mode: 'active' },
    { kind, mode: 'passthrough' },
    { kind, mode: 'lazy' },
  ]),
  { kind: 'changelog', mode: 'active' },
  { kind: 'changelog', mode: 'active', isSpecial: true },
  { kind: 'group', mode: 'active', isSpecial: true },
  { kind: 'map', mode: 'lazy', isSpecial: true },
]

/** A view of another node. */
export class ViewNode implements DerivedNode {
  readonly name: string
  store: Store
  readonly labels: readonly Label[]
  readonly parts: readonly [TreeNode]
  readonly #recipe: Recipe
  readonly #memo = new Memo()
  readonly #world: World
  readonly #make: () => Store

  /**
   * @param of   what it is of: for a view of a window of time, with the time beside it
   * @param into where it is kept
   */
  constructor(world: World, of: TreeNode, { kind, mode, isSpecial = false }: ViewSpec, into?: Store) {
    this.parts = [of]
    this.name = world.name(world.hasKinds ? `${mode}-${kind}` : 'view')
    this.#world = world
    this.#recipe = recipeOf(world, of, kind, isSpecial)
    const options = {
      name: this.name,
      definition: `${this.name}-1`,
      ...(mode === 'active' ? keeping(world, into) : asking(world, mode, this.#recipe, isSpecial)),
      ...world.seams,
    }
    const isOfSameKeys = 'reads' in options
    this.labels = [
      kind,
      mode,
      ...(isOfSameKeys ? ['sameKeys' as const] : []),
      ...(into === undefined ? [] : ['into' as const]),
    ]
    this.#make = () => this.#recipe.make(of.store, options)
    this.store = this.#make()
  }

  expected(point: Versions): State {
    const inputs = this.parts[0].expected(point)
    return this.#memo.get([inputs], () => this.#recipe.expected(inputs))
  }

  prefixes(): readonly string[] {
    return this.#recipe.prefixes(this.parts[0].prefixes())
  }

  async restart(): Promise<void> {
    this.#world.counters.restarts++
    await this.#world.close(this.store)
    this.store = this.#make()
  }
}

function recipeOf(world: World, of: TreeNode, kind: ViewSpec['kind'], hasSameKeys = false): Recipe {
  const { chance, hasKinds } = world
  if (kind === 'group') return groupRecipe(chance)
  if (kind === 'join') return joinRecipe(chance, of.prefixes())
  if (kind === 'within') return withinRecipe(world, recipeOf(world, of, chance.pick(['map', 'group'])))
  return mapRecipe(chance, hasKinds ? numberOf : Number, hasSameKeys)
}

/** Options of a view that keeps a state. */
function keeping({ chance, hasKinds }: World, into: Store | undefined): object {
  const delayMs = chance.pick([0, 0, 20, 200])
  if (!hasKinds) return { delayMs, ...(into === undefined ? {} : { into }) }
  const pageSize = chance.pick([1, 7, 1000])
  const keeps =
    into === undefined ? (chance.happens(0.5) ? { history: { commits: 3 + chance.below(30) } } : {}) : { into }
  return { delayMs, ...keeps, pageSize }
}

/** Options of a view that is worked out when it is asked. */
function asking({ chance }: World, mode: 'passthrough' | 'lazy', { hasSameKeys }: Recipe, isSpecial: boolean): object {
  return {
    mode,
    ...(hasSameKeys && (isSpecial || chance.happens(0.7)) ? { reads: sameKeys } : {}),
    ...(mode === 'lazy' ? { cacheBytes: chance.pick([300, 3000, 1_000_000]) } : {}),
  }
}

/** A store in memory to keep a view in. */
export function openInto(world: World): Store {
  return createMemoryStore({ name: world.name('into'), ...world.seams }) as Store
}
