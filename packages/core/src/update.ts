/**
 * What updates do: applied, put together, made from two answers.
 *
 * @module
 */
import { compareKeys } from './keys/order.ts'
import { mergeSpans, readQuery, spanHas } from './ranges.ts'
import type { Span } from './ranges.ts'
import type { Change, Entry, Range, Replace, Update } from './store.ts'
import { valuesEqual } from './values.ts'

/** What an update does to entries. */
type Step<V> = Pick<Update<V>, 'replace' | 'changes'>

/**
 * Applies an update to an answer (L6).
 *
 * @param entries the answer before, in key order
 * @param update  what changed
 * @param reverse whether `entries` are in descending order. Default false
 * @returns the answer after, in the same order: entries that did not change are the same objects, and where nothing
 *   changed it is `entries` itself
 */
export function applyUpdate<V>(
  entries: readonly Entry<V>[],
  update: Step<V>,
  reverse: boolean = false,
): readonly Entry<V>[] {
  const { replace, changes } = update
  const held = replace === undefined ? entries : applyReplace(entries, replace, reverse)
  if (changes.length === 0) return held
  const ordered = inOrder(changes, reverse)
  const few = ordered.length <= fewChanges && ordered.length * fewChanges < held.length
  return few ? patch(held, ordered, reverse) : merge(held, ordered, reverse)
}

/** Up to so many changes are searched for one by one in a long list; more are merged in one walk. */
const fewChanges = 16

function applyReplace<V>(entries: readonly Entry<V>[], replace: Replace<V>, reverse: boolean): readonly Entry<V>[] {
  const spans = plainSpans(replace.ranges)
  const kept = entries.filter((entry) => !anyHas(spans, entry.key))
  const ordered = inOrder(replace.entries, reverse)
  return kept.length === 0 ? ordered : merge(kept, ordered, reverse)
}

function plainSpans(ranges: readonly Range[]): readonly Span[] {
  return mergeSpans(readQuery(ranges, Infinity).list)
}

function anyHas(spans: readonly Span[], key: string): boolean {
  for (const span of spans) if (spanHas(span, key)) return true
  return false
}

/** The same list, ascending or descending; sorted anew only where it is in neither order. */
function inOrder<I extends { readonly key: string }>(list: readonly I[], reverse: boolean): readonly I[] {
  if (isInOrder(list, reverse)) return list
  const turned = list.toReversed()
  return isInOrder(turned, reverse) ? turned : turned.sort((a, b) => compare(a.key, b.key, reverse))
}

function isInOrder(list: readonly { readonly key: string }[], reverse: boolean): boolean {
  let before: string | undefined
  for (const { key } of list) {
    if (before !== undefined && compare(before, key, reverse) > 0) return false
    before = key
  }
  return true
}

function compare(a: string, b: string, reverse: boolean): number {
  return reverse ? compareKeys(b, a) : compareKeys(a, b)
}

/** Changes a copy at a few places. */
function patch<V>(entries: readonly Entry<V>[], changes: readonly Change<V>[], reverse: boolean): Entry<V>[] {
  const patched = entries.slice()
  for (const change of changes) {
    const at = search(patched, change.key, reverse)
    const found = patched[at]?.key === change.key ? 1 : 0
    if (change.gone !== true) {
      if (found === 1) patched[at] = entryOf(change)
      else patched.splice(at, 0, entryOf(change))
    } else if (found === 1) patched.splice(at, 1)
  }
  return patched
}

/** The index of the first entry that is not before `key`. */
function search(entries: readonly Entry[], key: string, reverse: boolean): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const entry = entries[middle]
    if (entry !== undefined && compare(entry.key, key, reverse) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** Walks both lists once. */
function merge<V>(
  entries: readonly Entry<V>[],
  changes: readonly (Entry<V> | Change<V>)[],
  reverse: boolean,
): Entry<V>[] {
  const merged: Entry<V>[] = []
  let at = 0
  for (const change of changes) {
    let entry = entries[at]
    while (entry !== undefined && compare(entry.key, change.key, reverse) < 0) {
      merged.push(entry)
      entry = entries[++at]
    }
    if (entry?.key === change.key) at++
    if (!isGone(change)) merged.push(entryOf(change))
  }
  for (; at < entries.length; at++) merged.push(entries[at] as Entry<V>)
  return merged
}

function isGone<V>(change: Entry<V> | Change<V>): change is Extract<Change<V>, { gone: true }> {
  return 'gone' in change && change.gone === true
}

/** A change as the entry that it makes; an entry of a `replace` stays the same object. */
function entryOf<V>(change: Exclude<Entry<V> | Change<V>, { gone: true }>): Entry<V> {
  return 'gone' in change ? { key: change.key, value: change.value } : change
}

/**
 * The update that does both: first `a`, then `b`, which starts where `a` ended (L6).
 */
export function composeUpdates<V>(a: Update<V>, b: Update<V>): Update<V> {
  const spans = b.replace === undefined ? [] : plainSpans(b.replace.ranges)
  const query = b.query ?? a.query
  const replace = composeReplaces(a.replace, b.replace, spans)
  const changes = new Map<string, Change<V>>()
  for (const change of a.changes) if (!anyHas(spans, change.key)) changes.set(change.key, change)
  for (const change of b.changes) changes.set(change.key, change)
  return {
    generation: b.generation,
    ...(query !== undefined && { query }),
    ...(replace !== undefined && { replace }),
    changes: inOrder([...changes.values()], false),
    versions: b.versions,
    behind: b.behind,
    folded: a.folded + b.folded,
  }
}

function composeReplaces<V>(
  a: Replace<V> | undefined,
  b: Replace<V> | undefined,
  spans: readonly Span[],
): Replace<V> | undefined {
  if (a === undefined || b === undefined) return b ?? a
  const kept = a.entries.filter((entry) => !anyHas(spans, entry.key))
  const descending = isDescending(a.entries) || isDescending(b.entries)
  return { ranges: [...a.ranges, ...b.ranges], entries: inOrder([...kept, ...b.entries], descending) }
}

function isDescending(list: readonly Entry[]): boolean {
  const first = list[0]
  const last = list.at(-1)
  return first !== undefined && last !== undefined && compareKeys(first.key, last.key) > 0
}

/** The changes that make one answer into another, in key order; either may be in descending order. */
export function diffEntries<V>(before: readonly Entry<V>[], after: readonly Entry<V>[]): Change<V>[] {
  const old = inOrder(before, false)
  const changes: Change<V>[] = []
  let at = 0
  for (const entry of inOrder(after, false)) {
    let held = old[at]
    while (held !== undefined && compareKeys(held.key, entry.key) < 0) {
      changes.push({ key: held.key, gone: true })
      held = old[++at]
    }
    const stays = held?.key === entry.key
    if (stays) at++
    if (!stays || !(held === entry || valuesEqual(held?.value, entry.value))) {
      changes.push({ key: entry.key, value: entry.value })
    }
  }
  for (; at < old.length; at++) changes.push({ key: (old[at] as Entry<V>).key, gone: true })
  return changes
}
