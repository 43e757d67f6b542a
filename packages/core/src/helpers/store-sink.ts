import type { Seams } from '../ambient.ts'
import { type ErrorCode, FanlightError, closed, isFanlightError } from '../errors.ts'
import { defaultLimits } from '../limits.ts'
import { type Span, type Spans, mergeSpans, prefixEnd, rangeOf, readQuery, subtractSpans } from '../ranges.ts'
import { type WritableSession, createSession } from '../session.ts'
import type { Change, Entry, Feed, Range, Replace, Types, Update, Versions, WritableStore } from '../store.ts'
import { applyUpdate, diffEntries } from '../update.ts'
import { valuesEqual } from '../values.ts'
import { Disturbed, Refusal, putBack } from './foreign-change-error.ts'
import { type Held, type Upstream, dueChanges } from './foreign-changes.ts'
import { type MirrorSink, type SinkHost, hasKey, replacedSpans } from './mirror-sinks.ts'
import { type Watermark, readWatermark } from './mirror-watermark.ts'

/** How a mirror writes to a store. */
export interface StoreSinkOptions extends Seams {
  readonly prefix: string
  readonly watermarkKey: string
  readonly foreign: 'repair' | 'refuse'
}

/** So many keys of a range are named where the mirror begins at keys that hold something. */
const keysNamed = 100

/** The sink does not know what happened since a point. */
const forgotten: readonly ErrorCode[] = ['LOST_IN_FOG', 'SOURCE_RESET', 'BAD_QUERY']

/** What the sink holds in the ranges of the mirror at one point, as far as it may be other than the mirror left it. */
interface Found extends Held {
  readonly at: Versions
}

/**
 * A store that takes commits. Each step is one commit, which also says, at the watermark, up to which point the sink holds
 * which query: so that a mirror that starts again goes on exactly there.
 *
 * It follows its own ranges of the sink. Before each commit it takes all that is there; the commit has that point as its
 * basis: so whatever others change is either seen before, or is a conflict, or is seen after. Two mirrors at one watermark
 * cannot both take the same step.
 */
export class StoreSink<V> implements MirrorSink<V> {
  readonly #sink: WritableStore<Types>
  readonly #session: WritableSession
  readonly #upstream: Upstream
  readonly #spans: Spans
  readonly #ranges: readonly Range[]
  readonly #options: StoreSinkOptions
  readonly #ended = new AbortController()
  /** One thing after the other: starting, steps, and looking at what others did. */
  #last: Promise<unknown> = Promise.resolve()
  #feed: Feed | undefined
  /** What the last commit wrote, until the feed has shown it, and the version that it got. */
  #unseen: ReadonlyMap<string, Change> = new Map()
  #written: Versions = {}
  /** What was seen of others that made the mirror start again. */
  #disturbed: readonly string[] = []
  /** Spans of a query that was mirrored before: what lies there goes with the first step. */
  #orphans: readonly Span[] = []

  constructor(sink: WritableStore<Types>, upstream: Upstream, spans: Spans, options: StoreSinkOptions) {
    this.#sink = sink
    this.#session = createSession(sink as WritableStore, options)
    this.#upstream = upstream
    this.#spans = spans
    this.#ranges = spans.list.map(rangeOf)
    this.#options = options
  }

  start(host: SinkHost): Promise<Versions | undefined> {
    return this.#next(() => this.#begin(host))
  }

  apply(update: Update<V>): Promise<void> {
    return this.#next(() => this.#step(update))
  }

  async close(): Promise<void> {
    this.#ended.abort()
    await this.#letGo()
    await this.#session.close()
  }

  #next<R>(work: () => Promise<R>): Promise<R> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => undefined)
    return done
  }

  async #begin(host: SinkHost): Promise<Versions | undefined> {
    await this.#letGo()
    const { prefix, watermarkKey } = this.#options
    const { entries, versions } = await this.#session.fetch(watermarkKey)
    const mark = readWatermark(entries[0]?.value)
    const disturbed = this.#disturbed
    this.#disturbed = []
    this.#orphans = []
    if (mark === undefined) {
      await this.#refuseOccupied()
      this.#follow(host, versions)
      if (disturbed.length > 0) host.repaired(putBack(disturbed))
      return undefined
    }
    const isSame = valuesEqual(mark.query, this.#ranges)
    const spans = isSame ? this.#spans : readQuery(mark.query, Infinity)
    const found = await this.#find(mark, entries[0]?.version, spans, versions)
    const due = await dueChanges(this.#upstream, spans, mark.versions, found, this.#ended.signal)
    // Where nobody can tell, it was somebody else, unless the watermark moved as well: that is another mirror at it.
    const guessed = disturbed.includes(watermarkKey) ? [] : disturbed
    const foreign = due?.map(({ key }) => prefix + key) ?? guessed
    if (foreign.length > 0 && this.#options.foreign === 'refuse') throw new Refusal(foreign)
    this.#follow(host, found.at)
    if (isSame && due !== undefined && due.length > 0) {
      await this.#commit(this.#mapped(due), mark.versions, found.at)
    }
    if (foreign.length > 0) host.repaired(putBack(foreign))
    if (!isSame) this.#orphans = subtractSpans(mergeSpans(spans.list), this.#spans.list)
    return isSame && due !== undefined ? mark.versions : undefined
  }

  async #step({ replace, changes, versions }: Update<V>): Promise<void> {
    const { prefix, watermarkKey } = this.#options
    const feed = this.#feed
    // It was disturbed, and starts again.
    if (feed === undefined) throw new Disturbed([])
    await this.#look(feed)
    const basis = feed.versions
    const own = replace === undefined ? this.#mapped(changes) : await this.#replaced(replace, changes)
    const clash = own.find(({ key }) => key === watermarkKey)
    if (clash !== undefined) {
      throw new FanlightError(
        'BAD_KEY',
        `an entry is mirrored to ${JSON.stringify(clash.key)}, where the watermark is: name another`,
        { keys: [clash.key.slice(prefix.length)] },
      )
    }
    await this.#commit(own, versions, basis)
    this.#orphans = []
  }

  /** One commit, with the watermark in it. */
  async #commit(changes: readonly Change[], versions: Versions, basis: Versions): Promise<void> {
    const mark: Watermark = { versions, query: this.#ranges, sink: basis }
    const all = [...changes, { key: this.#options.watermarkKey, value: mark }]
    try {
      this.#written = await this.#session.commit(all, { basis })
    } catch (error) {
      // Perhaps it was applied: then the feed would tell of it as of somebody else's.
      await this.#letGo()
      if (isFanlightError(error, 'CONFLICT')) this.#disturbed = error.keys ?? []
      throw error
    }
    this.#unseen = new Map(all.map((change) => [change.key, change]))
  }

  #mapped(changes: readonly Change[]): Change[] {
    return changes.map((change) => ({ ...change, key: this.#options.prefix + change.key }))
  }

  /** What makes the sink, as it is in the replaced spans, into what the update says. */
  async #replaced(replace: Replace<V>, changes: readonly Change<V>[]): Promise<Change[]> {
    const { prefix, watermarkKey } = this.#options
    const after = applyUpdate<V>([], { replace, changes })
    const own = mergeSpans(this.#spans.list)
    const spans = mergeSpans([...replacedSpans(replace.ranges, own), ...this.#orphans])
    const before: Entry[] = []
    // What changes between one part and the next changes after the basis, so that the commit finds it.
    for (let i = 0; i < spans.length; i += defaultLimits.ranges) {
      const ranges = spans.slice(i, i + defaultLimits.ranges).map((span) => rangeOf(spanUnder(prefix, span)))
      const { entries } = await this.#session.fetch(ranges)
      before.push(...entries.filter(({ key }) => key !== watermarkKey))
    }
    return diffEntries(
      before,
      after.map(({ key, value }) => ({ key: prefix + key, value })),
    )
  }

  /** Follows what happens in its ranges. */
  #follow(host: SinkHost, since: Versions): void {
    if (this.#ended.signal.aborted) throw closed('the mirror')
    const feed = this.#sink.watch(this.#watched(this.#spans), { since, alone: true })
    this.#feed = feed
    this.#unseen = new Map()
    const look = (): void => {
      this.#next(async () => {
        if (this.#feed === feed) await this.#look(feed)
      }).catch((error: unknown) => {
        if (!this.#ended.signal.aborted) host.failed(error)
      })
    }
    feed.wake(look)
  }

  /**
   * Takes all that the sink tells of its ranges. First what the last commit did, to exactly its version: up to there nobody
   * else can have changed a key that it changed. All that comes then is of others.
   *
   * @throws Disturbed
   */
  async #look(feed: Feed): Promise<void> {
    try {
      if (this.#unseen.size > 0) {
        const update = await feed.take(this.#written)
        const unseen = this.#unseen
        this.#unseen = new Map()
        this.#refuseOthers(update, (change) => isSame(unseen.get(change.key), change))
      }
      this.#refuseOthers(await feed.take(), () => false)
    } catch (error) {
      await this.#letGo()
      if (error instanceof Disturbed) this.#disturbed = error.keys
      // The sink has forgotten the point: what happened since is found out anew.
      throw isFanlightError(error, 'LOST_IN_FOG') ? new Disturbed([]) : error
    }
  }

  #refuseOthers(update: Update | undefined, isOwn: (change: Change) => boolean): void {
    if (update === undefined) return
    const { changes, replace } = update
    // A replacement does not tell what it changed.
    if (replace !== undefined) throw new Disturbed([])
    const others = changes.filter((change) => this.#isWatched(change.key) && !isOwn(change))
    if (others.length > 0) throw new Disturbed(others.map(({ key }) => key))
  }

  /**
   * What others may have changed since the mirror wrote last.
   *
   * @param version since which the watermark has not changed, where the sink says so
   */
  async #find(mark: Watermark, version: number | undefined, spans: Spans, at: Versions): Promise<Found> {
    const { prefix, watermarkKey } = this.#options
    const isOwn = ({ key }: { readonly key: string }): boolean => key !== watermarkKey && this.#isWatched(key, spans)
    const bare = <E extends Entry | Change>(entry: E): E => ({ ...entry, key: entry.key.slice(prefix.length) })
    const watched = this.#watched(spans)
    const changed = await this.#changedSince(watched, mark, version, at)
    if (changed !== undefined) return { at, all: false, changes: changed.filter(isOwn).map(bare) }
    const { entries, versions } = await this.#session.fetch(watched)
    const now = readWatermark(entries.find(({ key }) => key === watermarkKey)?.value)
    if (!valuesEqual(now, mark)) throw new Disturbed([])
    return { at: versions, all: true, changes: entries.filter(isOwn).map(bare) }
  }

  /**
   * The keys that changed since right before the last commit of the mirror, or since right after it: a difference is a net
   * one, so that the first does not tell of what the commit changed and others changed back.
   *
   * @returns undefined where the sink does not know
   */
  async #changedSince(
    watched: readonly Range[],
    { sink: before }: Watermark,
    version: number | undefined,
    until: Versions,
  ): Promise<readonly Change[] | undefined> {
    const [source, ...others] = this.#sink.sources
    const [base, ...rest] = Object.values(before)
    if (source === undefined || others.length + rest.length > 0 || base === undefined || version === undefined) return
    const { watermarkKey } = this.#options
    const { signal } = this.#ended
    try {
      const first = await this.#sink.changes(watched, { since: before, until, signal })
      if (version - 1 > base) {
        // The version may be later than that of the commit.
        const point = { [source]: version - 1 }
        const { changes } = await this.#sink.changes(watermarkKey, { since: before, until: point, signal })
        if (changes.length > 0) return
      }
      const second = await this.#sink.changes(watched, { since: { [source]: version }, until, signal })
      if (first.replace !== undefined || second.replace !== undefined) return
      const both = [...first.changes, ...second.changes]
      return [...new Map(both.map((change) => [change.key, change])).values()]
    } catch (error) {
      // BAD_QUERY says that the watermark names a point that is still to come: it was not the mirror who wrote that.
      if (!isFanlightError(error) || !forgotten.includes(error.code)) throw error
      return
    }
  }

  /** The ranges of a query in the sink, and the watermark: as one, where they are more than a store takes. */
  #watched(spans: Spans): readonly Range[] {
    const { prefix, watermarkKey } = this.#options
    const mark = { lo: watermarkKey, hi: `${watermarkKey}\0`, limit: Infinity, reverse: false }
    const all = mergeSpans([...spans.list.map((span) => spanUnder(prefix, span)), mark])
    const [first, last] = [all[0] ?? mark, all.at(-1) ?? mark]
    return all.length <= defaultLimits.ranges ? all.map(rangeOf) : [rangeOf({ ...first, hi: last.hi })]
  }

  #isWatched(key: string, spans: Spans = this.#spans): boolean {
    const { prefix, watermarkKey } = this.#options
    return key === watermarkKey || (key.startsWith(prefix) && hasKey(spans.list, key.slice(prefix.length)))
  }

  /** @throws Refusal where the mirror begins, something stands in its ranges, and the option says to leave that alone */
  async #refuseOccupied(): Promise<void> {
    if (this.#options.foreign !== 'refuse') return
    const { entries } = await this.#session.fetch(
      mergeSpans(this.#spans.list).map((span) =>
        rangeOf({ ...spanUnder(this.#options.prefix, span), limit: keysNamed }),
      ),
    )
    if (entries.length > 0) throw new Refusal(entries.map(({ key }) => key))
  }

  async #letGo(): Promise<void> {
    const feed = this.#feed
    this.#feed = undefined
    await feed?.close()
  }
}

function isSame(a: Change | undefined, b: Change): boolean {
  if (a === undefined) return false
  return (a.gone === true) === (b.gone === true) && valuesEqual(a.value, b.value)
}

/** A span with a prefix in front of its keys. */
export function spanUnder(prefix: string, span: Span): Span {
  const hi = span.hi === undefined ? prefixEnd(prefix) : prefix + span.hi
  return { lo: prefix + span.lo, hi, limit: Infinity, reverse: false }
}
