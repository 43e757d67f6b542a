import type { Feed, Query, Store, Update, Versions } from '@fanlight/core'
import { Holder } from '@fanlight/core/conformance'
import { Broken, checkHeld } from './check.ts'
import { RouterNode } from './inner.ts'
import { isRefusal } from './leaves.ts'
import type { TreeNode } from './node.ts'
import { someQuery } from './keys.ts'
import { TimedNode } from './views/within-recipe.ts'
import { ViewNode } from './views/view-node.ts'
import type { World } from './world.ts'

/** Someone who follows a node: takes at times, and holds what the updates make (L5, L6, L7, L8). */
export class Follower {
  readonly node: TreeNode
  readonly #world: World
  #query: Query
  #holder: Holder
  #feed: Feed
  #taking = false
  #done = false
  /** What the first answer must tell of, as long as nothing is mounted or restarted before it comes. */
  #known: readonly string[] | undefined

  constructor(world: World, node: TreeNode, query: Query = someQuery(world.chance, node.prefixes())) {
    this.#world = world
    this.node = node
    this.#query = query
    this.#holder = new Holder(this.#query)
    this.#feed = node.store.watch(this.#query)
    this.#known = sourcesOf(node, query)
  }

  get isDone(): boolean {
    return this.#done
  }

  /** Takes, perhaps to the newest point that it saw before, or asks for something else, or leaves and comes back. */
  async step(): Promise<void> {
    if (this.#taking || this.#done) return
    const { chance } = this.#world
    const dice = chance.random()
    if (dice < 0.05) {
      // While it comes back there is nothing to take from, nor to ask.
      this.#taking = true
      await this.#resume()
      this.#taking = false
    } else if (dice < 0.1) {
      this.#query = someQuery(chance, this.node.prefixes())
      this.#known = undefined
      this.#holder.ask(this.#query, this.#feed.setQuery(this.#query))
    }
    await this.take()
  }

  async take(): Promise<void> {
    if (this.#taking || this.#done) return
    this.#taking = true
    try {
      const update = await this.#feed.take()
      // Whoever made a commit that this update shows may hear of it a moment later than the follower.
      const { versions } = this.#feed
      if (update !== undefined) this.#checkFirst(update)
      await this.#world.settle(1)
      this.#took(update, versions)
    } catch (error) {
      if (!isRefusal(error)) throw error
      this.#world.counters.refusals++
      await this.close()
    } finally {
      this.#taking = false
    }
  }

  async close(): Promise<void> {
    this.#done = true
    await this.#feed.close()
  }

  /** Leaves with the point held, and comes back with it. */
  async #resume(): Promise<void> {
    const since: Versions | undefined = this.#holder.versions
    this.#known = undefined
    await this.#feed.close()
    this.#feed = this.node.store.watch(this.#query, since === undefined ? {} : { since })
    const entries = this.#holder.entries
    if (JSON.stringify(this.#holder.query) !== JSON.stringify(this.#query) || since === undefined) {
      await this.#feed.close()
      this.#feed = this.node.store.watch(this.#query)
      this.#holder = new Holder(this.#query)
    } else {
      this.#holder = new Holder(this.#query, { entries, versions: since })
    }
    this.#world.counters.resumes++
  }

  /** A source that the first answer says nothing of was not asked: what it holds is missing, and is not known to be. */
  #checkFirst({ versions }: Update): void {
    const known = this.#known
    this.#known = undefined
    if (known === undefined || known.join() !== sourcesOf(this.node, this.#query)?.join()) return
    const missing = known.filter((source) => !(source in versions))
    // An answer of before a change of mounts has the sources of then.
    const { reached } = this.node.store
    const isFormer = known.some((id) => id.startsWith('router') && (versions[id] ?? 0) < (reached[id] ?? 0))
    if (missing.length === 0 || isFormer) return
    throw new Broken(`L3: the first answer of ${this.node.name} says nothing of ${missing.join()}`)
  }

  #took(update: Update | undefined, held: Versions): void {
    if (update === undefined) {
      if (this.#holder.versions !== undefined) this.#holder.moved(held)
    } else this.#holder.apply(update)
    const { versions } = this.#holder
    this.#world.trace.note(`${this.node.name} took ${JSON.stringify(update?.versions)} ${update?.changes.length}`)
    if (versions !== undefined) checkHeld(this.#world, this.node, this.#holder.query, this.#holder.state, versions)
  }
}

/** The sources of what a query touches; undefined: a router behind others, which alone knows them. */
function sourcesOf(node: TreeNode, query: Query): readonly string[] | undefined {
  const { store } = node
  const { part } = store as { readonly part?: (query: Query) => Store }
  if (hidesRouter(node)) return undefined
  return part === undefined ? store.sources : part.call(store, query).sources
}

/** Whether a router stands somewhere in a node behind what does not hand on which part of it a query touches. */
function hidesRouter(node: TreeNode): boolean {
  return isRouter(node) ? node.parts.some(hidesRouter) : hasRouter(node)
}

function isRouter(node: TreeNode): boolean {
  return node instanceof RouterNode || node instanceof TimedNode
}

/** Whether a node is a router, or hands on what one says. */
function hasRouter(node: TreeNode): boolean {
  if (isRouter(node)) return true
  const [inner] = node.parts
  return inner !== undefined && !(node instanceof ViewNode) && hasRouter(inner)
}
