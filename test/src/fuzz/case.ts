import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FetchOptions, type Versions, everything, isFanlightError } from '@fanlight/core'
import { manualClock, seededRandom } from '@fanlight/core/testing'
import type { MongoClient } from 'mongodb'
import { Chance } from './chance.ts'
import { Broken, checkSnapshot } from './check.ts'
import type { Counters } from './counters.ts'
import { Follower } from './follower.ts'
import { someChanges, someQuery } from './keys.ts'
import { isRefusal } from './leaves.ts'
import type { Leaf, TreeNode } from './node.ts'
import { type Tree, growTree } from './tree.ts'
import { World } from './world.ts'

/** How many steps a case has. */
const stepsMax = 160

/** In one case of so many some stores stand behind connections. */
const wiredEvery = 3

/** One case in so many begins with followers that take at once. */
const eagerEvery = 4

/** How many askers may be under way at once. */
const askersMax = 12

/** How many databases were made. */
let databases = 0

/** What a case gave. */
export interface CaseResult {
  readonly seed: number
  readonly trace: string
  readonly counters: Counters
  /** What was broken, and the last things that happened before. */
  readonly failure?: { readonly message: string; readonly tail: readonly string[] } | undefined
}

/** How a case is run. */
export interface CaseOptions {
  /** Whether its LevelDBs are real ones. Default false */
  readonly onDisk?: boolean | undefined
  /** A real MongoDB, for some of its stores. */
  readonly client?: MongoClient | undefined
  /** Whether its views only map, as they did when the first cases were found. Default false */
  readonly onlyMaps?: boolean | undefined
}

/**
 * Runs one case: a random tree, random traffic and faults, and every answer checked. The same seed gives the same trace,
 * but on a real disk, whose answers come when they come. Cases of neighbouring seeds have views of neighbouring kinds.
 */
export async function runCase(
  seed: number,
  { onDisk = false, client, onlyMaps = false }: CaseOptions = {},
): Promise<CaseResult> {
  const clock = manualClock(1_000_000)
  const disk = onDisk ? await mkdtemp(join(tmpdir(), 'fanlight-fuzz-')) : undefined
  const mongo = client?.db(`fuzz${databases++}`)
  const turn = onlyMaps ? undefined : seed
  const world = new World(new Chance(seededRandom(seed)), clock, {
    disk,
    mongo,
    turn,
    isWired: seed % wiredEvery === 0,
  })
  let failure: CaseResult['failure']
  let tree: Tree | undefined
  try {
    tree = await growTree(world)
    await new Case(world, tree, seed % eagerEvery === 1).run()
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
    failure = { message: error instanceof Broken ? error.message : message, tail: [treeOf(tree), ...world.trace.tail] }
  }
  await mongo?.dropDatabase()
  if (disk !== undefined) await rm(disk, { recursive: true, force: true })
  return { seed, trace: world.trace.digest(), counters: world.counters, failure }
}

class Case {
  readonly #world: World
  readonly #tree: Tree
  /** Whether somebody takes before anything has settled: from views that have not read their upstreams yet, say. */
  readonly #isEager: boolean
  readonly #followers: Follower[] = []
  readonly #asking = new Set<Promise<void>>()
  #stamp = 0
  #failure: unknown

  constructor(world: World, tree: Tree, isEager: boolean) {
    this.#world = world
    this.#tree = tree
    this.#isEager = isEager
  }

  async run(): Promise<void> {
    const { chance, trace } = this.#world
    if (this.#isEager) {
      for (const router of this.#tree.routers) this.#followers.push(new Follower(this.#world, router, everything))
      for (const follower of this.#followers) this.#start(follower.take())
    }
    await this.#world.settle()
    trace.note(treeOf(this.#tree))
    const [first] = this.#tree.views
    if (this.#world.hasKinds && first !== undefined) this.#followers.push(new Follower(this.#world, first, everything))
    for (let step = 0; step < stepsMax && this.#failure === undefined; step++) {
      await this.#step(chance.random())
      if (chance.happens(0.5)) await this.#world.settle(1)
    }
    await this.#end()
    if (this.#failure !== undefined) throw this.#failure
  }

  async #step(dice: number): Promise<void> {
    const { chance, clock } = this.#world
    const { all, leaves, wrappers, routers, views, remotes } = this.#tree
    if (dice < 0.4) for (let i = 1 + chance.below(4); i > 0; i--) this.#start(this.#commit(chance.pick(leaves)))
    else if (dice < 0.62) {
      // Half of the questions go to routers: they are the ones who have to agree.
      const asked: readonly TreeNode[] = routers.length > 0 && chance.happens(0.5) ? routers : all
      const { hasKinds } = this.#world
      this.#start(this.#fetch(chance.pick(hasKinds && views.length > 0 && chance.happens(0.3) ? views : asked)))
    } else if (dice < 0.67 && this.#followers.length < 8)
      this.#followers.push(new Follower(this.#world, chance.pick(this.#toFollow())))
    else if (dice < 0.8 && this.#followers.length > 0) this.#start(chance.pick(this.#followers).step())
    else if (dice < 0.9) await clock.advance(chance.below(120))
    else if (dice < 0.92 && remotes.length > 0) chance.pick(remotes).cut()
    else if (dice < 0.94 && wrappers.length > 0) void chance.pick(wrappers).release?.()
    else if (dice < 0.97 && routers.length > 0) this.#remount()
    else if (dice < 0.985) await this.#restart(chance.pick(leaves))
    else if (views.length > 0) await this.#restartView()
  }

  /** What is followed next: of views of every kind one each, before whatever else. */
  #toFollow(): readonly TreeNode[] {
    const { all, views } = this.#tree
    const left = views.filter((view) => this.#followers.every(({ node }) => node !== view))
    return this.#world.hasKinds && left.length > 0 ? left : all
  }

  /** Starts something and goes on; what it throws ends the case. */
  #start(work: Promise<void>): void {
    const asking = work
      .catch((error: unknown) => {
        this.#failure ??= error
      })
      .finally(() => this.#asking.delete(asking))
    this.#asking.add(asking)
  }

  async #commit(leaf: Leaf): Promise<void> {
    const { chance, trace } = this.#world
    try {
      const [source = ''] = leaf.store.sources
      const reached = leaf.store.reached[source] ?? 0
      const basis = chance.happens(0.2)
        ? Math.max(leaf.store.oldest[source] ?? 0, reached - chance.below(6))
        : undefined
      await leaf.commit(someChanges(chance, ++this.#stamp), basis)
      trace.note(`${leaf.name} committed ${JSON.stringify(leaf.store.reached)}`)
    } catch (error) {
      if (!isFanlightError(error, 'CLOSED') && !isFanlightError(error, 'LOST_IN_FOG')) throw error
    }
  }

  async #fetch(node: TreeNode): Promise<void> {
    const { chance, trace, counters } = this.#world
    if (this.#asking.size >= askersMax) return
    // Everything, at times: so that all that a router has must agree.
    const query = chance.happens(0.3) ? {} : someQuery(chance, node.prefixes())
    const options: FetchOptions = {
      stall: chance.pick(['wait', 'wait', 'wait', 'fail', 'older']),
      timeoutMs: chance.pick([50, 1000, 30_000]),
      ...(chance.happens(0.1) ? { max: someward(node.store.oldest, node.store.reached, chance) } : {}),
    }
    try {
      const snapshot = await node.store.fetch(query, options)
      trace.note(`${node.name} ${JSON.stringify(query)} ${JSON.stringify(snapshot.windows)} ${snapshot.entries.length}`)
      // Whoever made a commit that this answer shows may hear of it a moment later than the asker.
      await this.#world.settle(1)
      checkSnapshot(this.#world, node, query, snapshot)
    } catch (error) {
      if (!isRefusal(error)) throw error
      counters.refusals++
      trace.note(`${node.name} ${JSON.stringify(query)} ${isFanlightError(error) ? error.code : ''}`)
    }
  }

  #remount(): void {
    const { chance } = this.#world
    const router = chance.pick(this.#tree.routers)
    // Only what was made before the router: so that no router comes to stand inside itself.
    const earlier = this.#tree.all.slice(0, this.#tree.all.indexOf(router))
    router.remount(
      this.#world,
      earlier.filter(({ store }) => !store.supports.single),
    )
  }

  async #restart(leaf: Leaf): Promise<void> {
    // What is built on a leaf holds its store: only one that stands in routers alone can be replaced under it.
    const above = this.#tree.all.filter(({ parts }) => parts.includes(leaf))
    const { routers } = this.#tree
    if (leaf.restart === undefined || above.some((node) => !routers.includes(node as never))) return
    await this.#quiet()
    await leaf.restart()
    for (const router of routers) router.replaced(leaf)
  }

  async #restartView(): Promise<void> {
    const view = this.#world.chance.pick(this.#tree.views)
    const above = this.#tree.all.filter(({ parts }) => parts.includes(view))
    const { routers } = this.#tree
    if (above.some((node) => !routers.includes(node as never))) return
    await this.#quiet()
    await view.restart()
    for (const router of routers) router.replaced(view)
  }

  /** Waits until nobody is under way: so that a store is not closed under an asker whose commit it may still hold. */
  async #quiet(): Promise<void> {
    for (const follower of this.#followers.splice(0)) await follower.close()
    await this.#drain()
  }

  /** After the last fault every query ends, with an answer or a named error (L9). */
  async #drain(): Promise<void> {
    for (let i = 0; i < 40 && this.#asking.size > 0; i++) {
      for (const wrapper of this.#tree.wrappers) void wrapper.release?.()
      await this.#world.settle()
      await this.#world.clock.advance(1000)
    }
    if (this.#failure === undefined && this.#asking.size > 0) {
      throw new Broken(`L9: ${this.#asking.size} askers were still waiting 40 seconds after the last fault`)
    }
  }

  /** At the end everything catches up, and shows the newest. */
  async #end(): Promise<void> {
    this.#world.isCalm = true
    for (const remote of this.#tree.remotes) remote.cut()
    await this.#drain()
    const { hasKinds } = this.#world
    if (hasKinds) for (const view of this.#tree.views) this.#followers.push(new Follower(this.#world, view, everything))
    for (const follower of this.#followers) this.#start(follower.take())
    await this.#drain()
    for (const node of this.#tree.all) this.#start(this.#fetch(node))
    await this.#drain()
    await this.#world.clock.advance(5000)
    for (const follower of this.#followers) await follower.close()
    for (const node of this.#tree.all.toReversed()) await this.#world.close(node.store)
    for (const remote of this.#tree.remotes) remote.end()
    for (const into of this.#tree.intos) await into.close()
  }
}

/** What a tree is made of, as a text. */
function treeOf(tree: Tree | undefined): string {
  return (tree?.all ?? []).map(({ name, parts }) => `${name}(${parts.map((part) => part.name).join()})`).join(' ')
}

/** A point somewhere between two. */
function someward(low: Versions, high: Versions, chance: Chance): Versions {
  return Object.fromEntries(
    Object.entries(high).map(([source, top]) => {
      const bottom = low[source] ?? 0
      return [source, bottom + chance.below(top - bottom + 1)]
    }),
  )
}
