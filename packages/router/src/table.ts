import type { Store } from '@fanlight/core'
import { compareKeys, type Span } from '@fanlight/core/kit'
import { type Mount, sameMount } from './mount.ts'

/** A stretch of keys that belongs to one mount, or to none. */
export interface Piece {
  readonly lo: string
  readonly hi: string | undefined
  readonly mount: Mount | undefined
}

/** What stands where, at one version: it never changes. A deeper mount shadows a shallower one. */
export class Table {
  readonly version: number
  /** In the order of their prefixes, so that what is inside a mount follows it. */
  readonly mounts: readonly Mount[]
  /** The version since which the keys that belong to no mount have not changed. */
  readonly bareSince: number
  /** Each store once, whatever the number of its mounts. */
  readonly stores: readonly Store[]
  #index: Index | undefined

  /** @param mounts in any order, each prefix once */
  constructor(version: number, mounts: Iterable<Mount>, bareSince: number) {
    this.version = version
    this.mounts = [...mounts].sort((a, b) => compareKeys(a.prefix, b.prefix))
    this.bareSince = bareSince
    this.stores = [...new Set(this.mounts.map(({ store }) => store))]
  }

  /** The mount at exactly this prefix. */
  at(prefix: string): Mount | undefined {
    const { nested, exact, root } = this.#indexed()
    return prefix === '' ? root : (nested.get(prefix) ?? exact.get(prefix))
  }

  /**
   * The mount that a key belongs to: the deepest. Few mounts are tried one by one; where they are many, it looks only at
   * the places where a prefix could end, so that ten thousand cost what ten do.
   */
  find(key: string): Mount | undefined {
    const { mounts } = this
    if (mounts.length > few) return this.#lookUp(key)
    for (let i = mounts.length - 1; i >= 0; i--) {
      const mount = mounts[i] as Mount
      if (mount.exact ? key === mount.prefix : key.startsWith(mount.prefix)) return mount
    }
    return undefined
  }

  #lookUp(key: string): Mount | undefined {
    const { nested, exact, longest, root } = this.#indexed()
    if (exact.size > 0) {
      const mount = exact.get(key)
      if (mount !== undefined) return mount
    }
    for (let length = slashBefore(key, longest); length > 0; length = slashBefore(key, length - 1)) {
      const mount = nested.get(length === key.length ? key : key.slice(0, length))
      if (mount !== undefined) return mount
    }
    return root
  }

  /** The deepest mount around the place of another: what owns those of its keys that it does not have. */
  around(prefix: string): Mount | undefined {
    return this.#enclosing(prefix)
      .filter((mount) => mount.prefix !== prefix)
      .at(-1)
  }

  /** Cuts the keys from `lo` to `hi` along the mounts: ascending, without gaps, each key in one piece. */
  pieces(lo: string, hi: string | undefined): readonly Piece[] {
    const pieces: Piece[] = []
    const open = this.#enclosing(lo)
    let next = this.#indexAfter(lo)
    for (let at = lo; ;) {
      const inner = open.at(-1)
      const end = leastEnd(hi, inner?.end)
      const mount = this.mounts[next]
      const opens = mount !== undefined && (end === undefined || compareKeys(mount.prefix, end) < 0)
      const to = opens ? mount.prefix : end
      if (to === undefined || compareKeys(at, to) < 0) pieces.push({ lo: at, hi: to, mount: inner })
      if (to === undefined || (!opens && to === hi)) return pieces
      if (opens) {
        open.push(mount)
        next++
      } else open.pop()
      at = to
    }
  }

  /** The mounts whose place holds the key, the shallowest first. */
  #enclosing(key: string): Mount[] {
    const { nested, exact, longest, root } = this.#indexed()
    const mounts: Mount[] = []
    const single = exact.get(key)
    if (single !== undefined) mounts.push(single)
    for (let length = slashBefore(key, longest); length > 0; length = slashBefore(key, length - 1)) {
      const mount = nested.get(key.slice(0, length))
      if (mount !== undefined) mounts.push(mount)
    }
    if (root !== undefined) mounts.push(root)
    return mounts.reverse()
  }

  /** Where the mounts begin whose prefix is after a key. */
  #indexAfter(key: string): number {
    let low = 0
    let high = this.mounts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareKeys((this.mounts[middle] as Mount).prefix, key) > 0) high = middle
      else low = middle + 1
    }
    return low
  }

  #indexed(): Index {
    return (this.#index ??= indexOf(this.mounts))
  }
}

/** So many mounts are tried in less time than a prefix is cut off and hashed. */
const few = 8

/** The mounts by their prefixes. */
interface Index {
  readonly root: Mount | undefined
  /** Those whose prefix ends with a slash. */
  readonly nested: ReadonlyMap<string, Mount>
  readonly exact: ReadonlyMap<string, Mount>
  /** The length of the longest prefix in `nested`. */
  readonly longest: number
}

function indexOf(mounts: readonly Mount[]): Index {
  const nested = new Map<string, Mount>()
  const exact = new Map<string, Mount>()
  let longest = 0
  let root: Mount | undefined
  for (const mount of mounts) {
    if (mount.prefix === '') root = mount
    else if (mount.exact) exact.set(mount.prefix, mount)
    else {
      nested.set(mount.prefix, mount)
      longest = Math.max(longest, mount.prefix.length)
    }
  }
  return { root, nested, exact, longest }
}

/** The length of the longest start of a key, no longer than `longest`, that ends with a slash; 0: there is none. */
function slashBefore(key: string, longest: number): number {
  return longest > 0 ? key.lastIndexOf('/', longest - 1) + 1 : 0
}

function leastEnd(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return compareKeys(a, b) <= 0 ? a : b
}

/** The keys, of those in the spans, that belong to another mount in one table than in the other: plain spans, ascending. */
export function changedSpans(before: Table, after: Table, spans: readonly Span[]): Span[] {
  if (before === after) return []
  const changed: Span[] = []
  for (const { lo, hi } of spans) {
    if (hi !== undefined && compareKeys(lo, hi) >= 0) continue
    for (const piece of after.pieces(lo, hi)) {
      for (const old of before.pieces(piece.lo, piece.hi)) {
        if (!sameMount(old.mount, piece.mount))
          changed.push({ lo: old.lo, hi: old.hi, limit: Infinity, reverse: false })
      }
    }
  }
  return changed
}
