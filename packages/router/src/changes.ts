import type { ChangesOptions, Entry, Query, SourceId, Update, Versions, WaitOptions } from '@fanlight/core'
import {
  applyUpdate,
  diffEntries,
  mergeSpans,
  promised,
  rangeOf,
  readQuery,
  type Span,
  spansOf,
  subtractSpans,
} from '@fanlight/core/kit'
import { assemble } from './assemble.ts'
import { countedOnce } from './folded.ts'
import { refuseAborted, refuseUpsideDown, type RouterHost, signalOf, tableAt } from './host.ts'
import { Leash } from './leash.ts'
import { inOrder, liftUpdate } from './lift.ts'
import { type Part, type Plan, planOf } from './plan.ts'
import { lower, pointOf, raise } from './scope.ts'
import { scopedTo } from './scoped.ts'
import { changedSpans } from './table.ts'

/** Before every table. */
const nothingKnown = -1

/** The net difference of two answers of a router. */
export function changesFrom(host: RouterHost, query: Query, options: ChangesOptions): Promise<Update> {
  return promised(() => {
    host.assertOpen()
    return difference(host, query, options).catch(host.failed)
  })
}

function difference(host: RouterHost, query: Query, options: ChangesOptions): Promise<Update> {
  const spans = readQuery(query, host.limits.ranges)
  refuseAborted(host, options.signal)
  const since = host.resolve(options.since, 'since', options.since)
  const until = options.until === undefined ? undefined : host.resolve(options.until, 'until', options.until)
  refuseUpsideDown(since, until)
  const { source } = host.tables
  const before = tableAt(host, since[source] ?? nothingKnown)
  const after = tableAt(host, until?.[source])
  const moved = changedSpans(before, after, spans.list)
  const plan = planOf(after, spans)
  const { signal, timeoutMs = host.limits.timeoutMs } = options
  // Where one of several fails, nobody waits any more for what the others would say.
  const leash = plan.parts.length > 1 ? new Leash(signal, host.ended) : undefined
  const patience = { timeoutMs, signal: leash?.signal ?? signalOf(host, signal) }
  const target = targetOf(plan.parts, { ...since, [source]: after.version }, until)
  const step: Step = { host, plan, since, target: { ...target, [source]: after.version }, patience }
  const made =
    moved.length === 0 ? (plan.assembled ? recall(step) : follow(step, plan.parts)) : replaceMoved(step, moved)
  return leash === undefined ? made : made.finally(() => leash.end())
}

/** A difference to be made: from one point to another, under one table of mounts. */
interface Step {
  readonly host: RouterHost
  readonly plan: Plan
  readonly since: Versions
  /** A version for each source of the parts. */
  readonly target: Versions
  readonly patience: WaitOptions
}

/** Exactly `until`; where it says nothing, what all stores of a source have reached. */
function targetOf(parts: readonly Part[], since: Versions, until: Versions = {}): Record<SourceId, number> {
  const target: Record<SourceId, number> = {}
  for (const part of parts) lower(target, scopedTo(part).reached)
  for (const source in target) {
    const version = target[source] ?? 0
    target[source] = until[source] ?? Math.max(version, since[source] ?? version)
  }
  return target
}

/** Some answers in full, for what went to other mounts. */
interface Fresh {
  readonly spans: readonly Span[]
  readonly entries: readonly Entry[]
  readonly told: readonly Told[]
}

/** Where a store went, and how many commits it folded on the way. */
type Told = Pick<Update, 'versions' | 'behind' | 'folded'>

const nothingFresh: Fresh = { spans: [], entries: [], told: [] }

/** What each store says changed, put together. */
function follow(step: Step, parts: readonly Part[], fresh: Fresh | Promise<Fresh> = nothingFresh): Promise<Update> {
  return Promise.all([fresh, ...parts.map((part) => changesOf(part, step))]).then(
    ([{ spans, entries, told }, ...updates]) => {
      const lifted = updates.map((update, i) => liftUpdate(parts[i] as Part, update))
      const replaced = mergeSpans([...spans, ...lifted.flatMap((one) => one.spans)])
      const replace = {
        ranges: replaced.map(rangeOf),
        entries: inOrder([entries, ...lifted.map((one) => one.entries)], false),
      }
      const changes = inOrder(
        lifted.map((one) => one.changes),
        false,
      )
      return updateOf(step, [...told, ...updates], replaced.length === 0 ? { changes } : { replace, changes })
    },
  )
}

function changesOf({ store, query }: Part, { since, target, patience }: Step): Promise<Update> {
  return store.changes(query, { since: pointOf(store, since) ?? {}, until: pointOf(store, target), ...patience })
}

/** Limits that reach over several mounts: both answers are put together, and compared. */
function recall(step: Step): Promise<Update> {
  const { plan, patience } = step
  const asked = plan.parts.map((part) => {
    const since = { ...pointOf(part.store, scopedTo(part).oldest), ...pointOf(part.store, step.since) }
    const before = part.store.fetch(part.query, { min: since, max: since, ...patience })
    return Promise.all([before, changesOf(part, { ...step, since })]).then(([{ entries, more }, update]) => ({
      before: { part, entries, more },
      after: { part, entries: applyUpdate(entries, update, part.reverse), more },
      update,
    }))
  })
  return Promise.all(asked).then((answers) => {
    const before = assemble(
      plan,
      answers.map((answer) => answer.before),
    )
    const after = assemble(
      plan,
      answers.map((answer) => answer.after),
    )
    const updates = answers.map(({ update }) => update)
    return updateOf(step, updates, { changes: diffEntries(before.entries, after.entries) })
  })
}

/** Where keys went to other mounts, the answer there replaces what was; elsewhere it is told what changed. */
function replaceMoved(step: Step, moved: readonly Span[]): Promise<Update> {
  const { spans, table } = step.plan
  // A limit that meets another mount may take other keys everywhere.
  if (spans.limited) return follow(step, [], exactly(step, step.plan, mergeSpans(spans.list)))
  const rest = subtractSpans(spans.list, moved)
  const kept = rest.length === 0 ? [] : planOf(table, spansOf(rest)).parts
  return follow(step, kept, exactly(step, planOf(table, spansOf(moved)), moved))
}

/** The answer of a plan at exactly the target. */
function exactly({ target, patience }: Step, plan: Plan, spans: readonly Span[]): Promise<Fresh> {
  const asked = plan.parts.map((part) => {
    const point = pointOf(part.store, target)
    return part.store.fetch(part.query, { min: point, max: point, ...patience })
  })
  return Promise.all(asked).then((snapshots) => {
    const answers = snapshots.map(({ entries, more }, i) => ({ part: plan.parts[i] as Part, entries, more }))
    const told = snapshots.map(({ versions, behind }) => ({
      versions: pointOfKnown(versions, target),
      behind,
      folded: 0,
    }))
    // The change of mounts is a commit too.
    return { spans, entries: assemble(plan, answers).entries, told: [...told, { versions: {}, behind: {}, folded: 1 }] }
  })
}

/** The target, in the sources that an answer at it has. */
function pointOfKnown(versions: Versions, target: Versions): Versions {
  const point: Record<SourceId, number> = {}
  for (const source in versions) point[source] = target[source] ?? versions[source] ?? 0
  return point
}

function updateOf(
  { host, plan, since, target }: Step,
  told: readonly Told[],
  what: Pick<Update, 'replace' | 'changes'>,
): Update {
  const { source, current } = host.tables
  const versions: Record<SourceId, number> = {}
  const reached: Record<SourceId, number> = { [source]: current.version }
  const behind: Record<SourceId, number> = {}
  let counted = 0
  let moves = 0
  const counting = new Set<SourceId>()
  for (const one of told) {
    raise(versions, one.versions)
    for (const id in one.behind) raise(reached, { [id]: (one.versions[id] ?? 0) + (one.behind[id] ?? 0) })
    const ids = Object.keys(one.versions)
    if (ids.length === 0) moves += one.folded
    else counted += one.folded
    if (one.folded > 0) for (const id of ids) counting.add(id)
  }
  versions[source] = target[source] ?? plan.table.version
  for (const id in versions) behind[id] = Math.max(0, (reached[id] ?? 0) - (versions[id] ?? 0))
  const folded = moves + countedOnce(counted, counting, since, versions)
  return { generation: 0, ...what, changes: what.changes, versions, behind, folded }
}
