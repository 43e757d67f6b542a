import type { Entry, Query, Range, Scanned, Snapshot, Versions, Windows } from '../store.ts'
import { ensure, sameEntries, sameValue, show } from './check.ts'
import { type State, answer, compareCodePoints, inRange, rangesOf, scan } from './evaluate.ts'
import type { Model } from './model.ts'

/**
 * Checks an answer against the model: its windows are those of the sources that it was read from, and at every point inside
 * them of which the model knows, the query has exactly these entries (L1); what it says of `more` and of its entries' versions is true.
 *
 * @param model    what the store must show
 * @param query    what was asked
 * @param snapshot what was answered
 * @returns at how many points it was checked
 * @throws Error that names the law and the point
 */
export function checkSnapshot(model: Model, query: Query, snapshot: Snapshot): number {
  const { entries, windows, versions } = snapshot
  checkWindows(model, windows, versions, `the answer to ${show(query)}`)
  checkOrder(entries, query)
  const points = model.pointsIn(withUnread(model, windows))
  const states: State[] = []
  for (const point of points) {
    const state = model.stateAt(point)
    if (state === undefined) continue
    states.push(state)
    const expected = answer(query, state)
    ensure(
      sameEntries(entries, expected),
      () =>
        `L1: the answer to ${show(query)} with windows ${show(windows)} is not true at ${show(point)}: got ${show(entries)}, expected ${show(expected)}`,
    )
  }
  checkMore(query, snapshot, states)
  checkEntryVersions(model, snapshot)
  return points.length
}

function checkWindows(model: Model, windows: Windows, versions: Versions, what: string): void {
  const known = model.canonical(versions)
  const [source, ...others] = Object.keys(model.start)
  const named = source === undefined || (others.length > 0 ? Object.keys(known).length > 0 : source in known)
  ensure(named, () => `L1: ${what} has no window of ${source}: ${show(windows)}`)
  ensure(
    Object.keys(windows).length === Object.keys(versions).length,
    () => `${what}: versions ${show(versions)} and windows ${show(windows)} name other sources`,
  )
  for (const [source, { from, to }] of Object.entries(windows)) {
    const sound = Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && from <= to
    ensure(sound, () => `${what}: ${show({ from, to })} is no window of ${source}`)
    ensure(
      versions[source] === to,
      () => `${what}: versions ${show(versions)} is not the upper corner of ${show(windows)}`,
    )
  }
}

/** A source of which nothing was read has no window in the answer of a router: that is true at all its versions then. */
function withUnread(model: Model, windows: Windows): Windows {
  const known = model.canonical(Object.fromEntries(Object.keys(windows).map((source) => [source, 0])))
  const unread = Object.entries(model.start).filter(([source]) => !(source in known))
  const all = unread.map(([source, from]) => [source, { from, to: model.latest[source] ?? from }] as const)
  return { ...windows, ...Object.fromEntries(all) }
}

function checkOrder(entries: readonly Entry[], query: Query): void {
  const ranges = rangesOf(query)
  const down = ranges.length > 0 && ranges.every(({ reverse }) => reverse === true)
  entries.forEach(({ key }, i) => {
    const before = entries[i - 1]?.key
    if (before === undefined) return
    const order = compareCodePoints(before, key)
    ensure(
      down ? order > 0 : order < 0,
      () => `${show(key)} stands after ${show(before)} in the answer to ${show(query)}`,
    )
  })
}

/** `more` is hint enough where it was true at one point of the windows; the span holds whatever the point. */
function checkMore(query: Query, { more, entries }: Snapshot, states: readonly State[]): void {
  const ranges = rangesOf(query)
  ensure(
    more.length === ranges.length,
    () => `${more.length} of \`more\` for ${ranges.length} ranges of ${show(query)}`,
  )
  ranges.forEach((range, i) => {
    const scanned = more[i]
    if (scanned === undefined || states.length === 0) return
    const what = `more of ${show(range)} in ${show(query)}: ${show(scanned)}`
    const truths = new Set(states.map((state) => scan(range, state).more))
    ensure(range.limit === 0 || truths.has(scanned.more), () => `${what} is not true anywhere in the windows`)
    checkSpan(range, scanned, entries, what)
  })
}

/** The span that was read: from the start of the range to the last key taken, or all of it where no limit cut it. */
function checkSpan(range: Range, scanned: Scanned, entries: readonly Entry[], what: string): void {
  const state = new Map(entries.map(({ key, value }) => [key, value]))
  const taken = scan(range, state).taken
  const cut = scanned.more || (range.limit !== undefined && taken.length >= range.limit)
  const last = taken.at(-1)
  for (const key of probes(range, entries)) {
    const asked = inRange(range, key)
    const read = inRange(scanned.range, key)
    ensure(asked || !read, () => `${what}: its span holds ${show(key)}, which was not asked for`)
    if (!cut) ensure(asked === read, () => `${what}: no limit cut it, but its span lacks ${show(key)}`)
    else if (last !== undefined && asked) {
      const order = compareCodePoints(key, last) * (range.reverse === true ? -1 : 1)
      ensure(order > 0 || read, () => `${what}: its span lacks ${show(key)}, which lies before the last key taken`)
      ensure(order <= 0 || !read || !scanned.more, () => `${what}: its span holds ${show(key)}, which was not read`)
    }
  }
}

/** Keys at and beside the places where a span can be wrong. */
function probes({ gt, gte, lt, lte }: Range, entries: readonly Entry[]): Set<string> {
  const places = [gt, gte, lt, lte, ...entries.map(({ key }) => key)].filter((key) => key !== undefined)
  const before = (key: string): string => Array.from(key).slice(0, -1).join('')
  return new Set(places.flatMap((key) => [before(key), key, `${key}\0`]))
}

function checkEntryVersions(model: Model, { entries, versions }: Snapshot): void {
  const [source, ...others] = Object.keys(model.start)
  if (source === undefined || others.length > 0) return
  const top = model.canonical(versions)[source] ?? 0
  for (const { key, value, version } of entries) {
    if (version === undefined) continue
    ensure(
      Number.isSafeInteger(version) && version <= top,
      () => `${show(key)} has the version ${version}, after ${top}`,
    )
    for (const point of model.pointsIn({ [source]: { from: version, to: top } })) {
      const held = model.stateAt(point)?.get(key)
      ensure(
        sameValue(held, value),
        () => `${show(key)} says it has not changed since ${version}, but was ${show(held)} at ${show(point)}`,
      )
    }
  }
}
