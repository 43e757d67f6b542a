import {
  FanlightError,
  type FetchOptions,
  type Query,
  type Snapshot,
  type SourceId,
  type Versions,
  type Window,
  type Windows,
} from '@fanlight/core'
import { ask, cutKey, readQuery, type Soon, soon, type Spans, upperCorner } from '@fanlight/core/kit'
import { type Agreed, Agreement, type Ask } from './agree.ts'
import { assemble } from './assemble.ts'
import { refuseAborted, refuseUpsideDown, type RouterHost, signalOf, tableAt } from './host.ts'
import { joined } from './joined.ts'
import type { Mount } from './mount.ts'
import { type Part, type Plan, planOf } from './plan.ts'
import { pointOf } from './scope.ts'
import type { Table } from './table.ts'

/** Answers a query: from one store as it is, from several so that they agree. */
export function fetchFrom(host: RouterHost, query: Query, options: FetchOptions | undefined): Soon<Snapshot> {
  host.assertOpen()
  if (options === undefined && typeof query === 'string') {
    const table = host.tables.current
    const mount = table.find(query)
    if (mount !== undefined) return fetchKey(host, table, mount, query)
  }
  return fetchPlanned(host, readQuery(query, host.limits.ranges), options)
}

/** One key of one mount: what is asked most is answered with nothing made that the answer does not need. */
function fetchKey(host: RouterHost, table: Table, mount: Mount, key: string): Soon<Snapshot> {
  const { prefix, store } = mount
  const found = ask(store, prefix === '' ? key : cutKey(key, prefix.length), host.defaults)
  if (found instanceof Promise) return found.then((later) => lifted(host, table, mount, key, later))
  return lifted(host, table, mount, key, found)
}

function lifted(
  host: RouterHost,
  table: Table,
  { prefix, store, since }: Mount,
  key: string,
  found: Snapshot,
): Soon<Snapshot> {
  const { entries, windows } = found
  const { source } = host.tables
  const { sources } = store
  // A view of this very router knows the table too: the two must agree.
  if (sources.length > 1 && source in windows) return fetchPlanned(host, readQuery(key), undefined)
  const entry = entries[0]
  return {
    entries: prefix === '' || entry === undefined ? entries : [{ key, value: entry.value, version: entry.version }],
    windows: joined(windows, sources, source, host.ownWindow.of(since, table.version)),
    versions: host.versions.join(found.versions, source, table.version),
    more: [{ more: false, range: { gte: key, lte: key } }],
    behind: host.levels.join(found.behind, source, 0),
  }
}

function fetchPlanned(host: RouterHost, spans: Spans, options: FetchOptions = {}): Soon<Snapshot> {
  refuseAborted(host, options.signal)
  const min = options.min === undefined ? undefined : host.resolve(options.min, 'min', options.max)
  const max = options.max === undefined ? undefined : host.resolve(options.max, 'max', options.max)
  refuseUpsideDown(min, max)
  const { signal, stall = 'wait', timeoutMs = host.limits.timeoutMs } = options
  return answer(host, spans, { min, max, stall, timeoutMs, signal })
}

/** Answers under the table of mounts that `max` asks for, or the current one. */
function answer(host: RouterHost, spans: Spans, asked: Ask): Soon<Snapshot> {
  const plan = planUnder(host, spans, asked.max)
  const [only] = plan.parts
  if (only === undefined) return snapshotOf(host, plan, { answers: [], windows: windowsOf(host, plan), reached: {} })
  return plan.parts.length === 1 ? askOne(host, plan, only, asked) : askAll(host, plan, asked)
}

function planUnder(host: RouterHost, spans: Spans, max: Versions | undefined): Plan {
  const plan = planOf(host.tables.current, spans)
  const version = max?.[host.tables.source]
  return version === undefined || plan.since <= version ? plan : planOf(tableAt(host, version), spans)
}

function askOne(host: RouterHost, plan: Plan, part: Part, asked: Ask): Soon<Snapshot> {
  const { store, query } = part
  const { min, max, stall, timeoutMs } = asked
  const signal = min === undefined ? asked.signal : signalOf(host, asked.signal)
  const bounds = { min: pointOf(store, min), max: pointOf(store, max) }
  const lift = ({ entries, windows, more, versions, behind }: Snapshot): Soon<Snapshot> => {
    const { source } = host.tables
    if (source in windows) return askAll(host, plan, asked)
    const assembled = assemble(plan, [{ part, entries, more }])
    return {
      entries: assembled.entries,
      windows: { ...windows, [source]: windowOf(plan) },
      versions: { ...versions, [source]: plan.table.version },
      more: assembled.more,
      behind: { ...behind, [source]: host.tables.current.version - plan.table.version },
    }
  }
  return soon(ask(store, query, { ...bounds, stall, timeoutMs, signal }), lift, host.failed)
}

function askAll(host: RouterHost, plan: Plan, asked: Ask): Soon<Snapshot> {
  const agreement = new Agreement(host, plan.parts, windowsOf(host, plan), asked)
  const answered = (agreed: Agreed | undefined): Soon<Snapshot> =>
    agreed === undefined ? answerAnew(host, plan, asked) : snapshotOf(host, plan, agreed)
  return soon(agreement.reach(), answered, host.failed)
}

/** A store has answered under a newer table of mounts than the plan was made under. */
function answerAnew(host: RouterHost, { table, spans }: Plan, asked: Ask): Soon<Snapshot> {
  if (table !== host.tables.current) return answer(host, spans, asked)
  const message = 'two routers have equal mounts and changed them apart from each other: give one of them another name'
  throw new FanlightError('BAD_MOUNT', message, { store: host.name, source: host.tables.source })
}

function snapshotOf(host: RouterHost, plan: Plan, { answers, windows, reached }: Agreed): Snapshot {
  const { entries, more } = assemble(plan, answers)
  const versions = upperCorner(windows)
  const behind: Record<SourceId, number> = {}
  for (const source in versions) behind[source] = Math.max(0, (reached[source] ?? 0) - (versions[source] ?? 0))
  const { source, current } = host.tables
  behind[source] = current.version - (versions[source] ?? 0)
  return { entries, windows, versions, more, behind }
}

/** The versions of the table of mounts in which these keys belong to these mounts. */
function windowOf({ since, table }: Plan): Window {
  return { from: since, to: table.version }
}

function windowsOf(host: RouterHost, plan: Plan): Windows {
  return { [host.tables.source]: windowOf(plan) }
}
