import { createMemoryStore, type Store } from '@fanlight/core'
import { RouterNode, ViewNode, WrapperNode } from './inner.ts'
import { JsonLeaf, LevelLeaf, MemoryLeaf, VariableLeaf } from './leaves.ts'
import { MongoLeaf } from './mongo-leaf.ts'
import type { Leaf, TreeNode } from './node.ts'
import { RemoteNode } from './remote.ts'
import type { World } from './world.ts'

/** A random tree of stores, wrappers, views and routers. */
export interface Tree {
  readonly leaves: readonly Leaf[]
  readonly wrappers: readonly WrapperNode[]
  readonly views: readonly ViewNode[]
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
  for (let i = 1 + chance.below(4); i > 0; i--) {
    const kind = chance.below(10)
    if (world.mongo !== undefined && chance.happens(0.5)) leaves.push(await MongoLeaf.open(world, world.mongo))
    else if (kind < 5) leaves.push(new MemoryLeaf(world))
    else if (kind < 8) leaves.push(await LevelLeaf.open(world))
    else if (kind < 9) leaves.push(await JsonLeaf.open(world))
    else leaves.push(new VariableLeaf(world))
  }
  const nodes: TreeNode[] = [...leaves]
  const wrappers: WrapperNode[] = []
  const views: ViewNode[] = []
  const remotes: RemoteNode[] = []
  const remoteOf = async (of: TreeNode): Promise<void> => {
    const remote = await RemoteNode.open(world, of)
    remotes.push(remote)
    nodes.push(remote)
  }
  if (world.isWired) await remoteOf(chance.pick(nodes))
  const intos: Store[] = []
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
    } else {
      const into = chance.happens(0.4)
        ? (createMemoryStore({ name: world.name('into'), ...world.seams }) as Store)
        : undefined
      if (into !== undefined) intos.push(into)
      const view = new ViewNode(world, of, into)
      views.push(view)
      nodes.push(view)
    }
  }
  const routers: RouterNode[] = []
  for (let i = 1 + chance.below(2); i > 0; i--) {
    const children = [...new Set(Array.from({ length: 2 + chance.below(3) }, () => chance.pick(nodes)))]
    const router = new RouterNode(world, children)
    routers.push(router)
    nodes.push(router)
    if (chance.happens(0.25)) {
      const view = new ViewNode(world, router, undefined)
      views.push(view)
      nodes.push(view)
    }
    if (world.isWired && chance.happens(0.4)) await remoteOf(router)
  }
  return { leaves, wrappers, views, remotes, routers, all: nodes, intos }
}
