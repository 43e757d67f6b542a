import type { Store } from '@fanlight/core'
import { RouterNode, WrapperNode } from './inner.ts'
import { JsonLeaf, LevelLeaf, MemoryLeaf, VariableLeaf } from './leaves.ts'
import { MongoLeaf } from './mongo-leaf.ts'
import type { DerivedNode, Leaf, TreeNode } from './node.ts'
import { RemoteNode } from './remote.ts'
import { ChangelogNode, hasOneSource } from './views/changelog-node.ts'
import { ViewNode, type ViewSpec, openInto, viewSpecs } from './views/view-node.ts'
import { ClockNode, TimedNode } from './views/within-recipe.ts'
import type { World } from './world.ts'

/** A random tree of stores, wrappers, views and routers. */
export interface Tree {
  readonly leaves: readonly Leaf[]
  readonly wrappers: readonly WrapperNode[]
  readonly views: readonly DerivedNode[]
  readonly remotes: readonly RemoteNode[]
  readonly routers: readonly RouterNode[]
  /** Every node, what it is made of first. */
  readonly all: readonly TreeNode[]
  /** Stores that views are persisted in. */
  readonly intos: readonly Store[]
}

/** Grows a tree from a seed: one to four leaves, some of them wrapped or viewed, and a router or two over all. Nothing of it has settled. */
export async function growTree(world: World): Promise<Tree> {
  const { chance } = world
  const leaves: Leaf[] = []
  for (let i = 1 + chance.below(4); i > 0; i--) leaves.push(await someLeaf(world))
  // There must be something to view.
  if (world.hasKinds && leaves.every(({ store }) => store.supports.single)) leaves.push(new MemoryLeaf(world))
  const nodes: TreeNode[] = [...leaves]
  const wrappers: WrapperNode[] = []
  const remotes: RemoteNode[] = []
  const remoteOf = async (of: TreeNode): Promise<void> => {
    const remote = await RemoteNode.open(world, of)
    remotes.push(remote)
    nodes.push(remote)
  }
  if (world.isWired) await remoteOf(chance.pick(nodes))
  const growing = new Views(world, nodes)
  if (world.hasKinds) growing.add(viewSpecs[world.turn % viewSpecs.length])
  for (let i = chance.below(4); i > 0; i--) {
    const of = chance.pick(nodes)
    if (of.store.supports.single) continue
    if (world.isWired && chance.happens(0.4)) {
      await remoteOf(of)
      continue
    }
    if (chance.happens(0.5)) {
      const wrapper = new WrapperNode(world, of)
      wrappers.push(wrapper)
      nodes.push(wrapper)
    } else if (world.hasKinds) growing.add(chance.pick(viewSpecs))
    else growing.plain(of, chance.happens(0.4))
  }
  const routers: RouterNode[] = []
  for (let i = 1 + chance.below(2); i > 0; i--) {
    const children = [...new Set(Array.from({ length: 2 + chance.below(3) }, () => chance.pick(nodes)))]
    const router = new RouterNode(world, children)
    routers.push(router)
    nodes.push(router)
    if (chance.happens(0.25)) {
      if (world.hasKinds) growing.add(chance.pick(viewSpecs.filter(({ kind }) => kind !== 'changelog')), router)
      else growing.plain(router, false)
    }
    if (world.isWired && chance.happens(0.4)) await remoteOf(router)
  }
  return { leaves, wrappers, views: growing.views, remotes, routers, all: nodes, intos: growing.intos }
}

async function someLeaf(world: World): Promise<Leaf> {
  const { chance } = world
  const kind = chance.below(10)
  if (world.mongo !== undefined && chance.happens(0.5)) return MongoLeaf.open(world, world.mongo)
  if (kind < 5) return new MemoryLeaf(world)
  if (kind < 8) return LevelLeaf.open(world)
  if (kind < 9) return JsonLeaf.open(world)
  return new VariableLeaf(world)
}

/** The views of a tree. */
class Views {
  readonly views: DerivedNode[] = []
  readonly intos: Store[] = []
  readonly #world: World
  readonly #nodes: TreeNode[]
  #time: ClockNode | undefined

  constructor(world: World, nodes: TreeNode[]) {
    this.#world = world
    this.#nodes = nodes
  }

  /** A view that maps, with nothing special. */
  plain(of: TreeNode, isKept: boolean): void {
    this.#push(new ViewNode(this.#world, of, { kind: 'map', mode: 'active' }, this.#into(isKept)))
  }

  /**
   * A view of a kind.
   *
   * @param of what it is of. Default some node that it can be of
   */
  add(spec: ViewSpec = { kind: 'map', mode: 'active' }, of?: TreeNode): void {
    const { chance } = this.#world
    const isLog = spec.kind === 'changelog'
    const fit = this.#nodes.filter((node) => !node.store.supports.single && (!isLog || hasOneSource(node)))
    const upstream = of ?? chance.pick(fit)
    const into = this.#into(spec.mode === 'active' && (spec.isSpecial === true || chance.happens(0.3)))
    if (isLog) this.#push(new ChangelogNode(this.#world, upstream, into))
    else this.#push(new ViewNode(this.#world, spec.kind === 'within' ? this.#timed(upstream) : upstream, spec, into))
  }

  #timed(of: TreeNode): TreeNode {
    if (this.#time === undefined) this.#nodes.push((this.#time = new ClockNode(this.#world)))
    const timed = new TimedNode(this.#world, of, this.#time)
    this.#nodes.push(timed)
    return timed
  }

  #into(isKept: boolean): Store | undefined {
    if (!isKept) return undefined
    const into = openInto(this.#world)
    this.intos.push(into)
    return into
  }

  #push(view: DerivedNode): void {
    this.views.push(view)
    this.#nodes.push(view)
  }
}
