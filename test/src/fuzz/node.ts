import type { Store, Versions } from '@fanlight/core'
import type { Label } from './counters.ts'
import type { State } from './history.ts'

/** A part of a tree: a store, and what it must show. */
export interface TreeNode {
  readonly name: string
  /** The present store: another one after a restart. */
  store: Store
  /** What it shows at a point; sources that the point does not name are empty. */
  expected(point: Versions): State
  /** The same for its present store alone, where it may have another one later. */
  shown?(): (point: Versions) => State
  /** Prefixes at which it has something. */
  prefixes(): readonly string[]
  /** What it is made of. */
  readonly parts: readonly TreeNode[]
  /** Of which kinds it is: what it does is counted for each. */
  readonly labels?: readonly Label[] | undefined
}

/** A node that is made of another one and can be made anew. */
export interface DerivedNode extends TreeNode {
  /** Closes it and makes it anew: where it is kept in a store, it must follow on. */
  restart(): Promise<void>
}

/** A node whose history the case writes. */
export interface Leaf extends TreeNode {
  /** Commits, perhaps on a basis, checks what became of it, and tells the history of it. */
  commit(changes: readonly { key: string }[], basis?: number): Promise<void>
  /** Closes it and opens what it wrote; or a backup of it. undefined: it keeps nothing. */
  restart?: (() => Promise<void>) | undefined
}
