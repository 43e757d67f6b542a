import { FanlightError, type Query, type SourceId, type Store, type Versions, isFanlightError } from '@fanlight/core'
import {
  type Difference,
  type Reading,
  type Soon,
  type Spans,
  formatVersions,
  makeSourceId,
  parseVersions,
  signatureOf,
  soon,
  sourceName,
} from '@fanlight/core/kit'
import type { Answers, Found } from '../answers.ts'
import type { Taken } from '../follower.ts'
import { Kept } from '../kept.ts'
import type { Shelf } from '../shelf.ts'
import { Commits } from './commits.ts'
import { type Keeps, LogOperator, type OneCommit } from './log-operator.ts'

/** How a changelog is made. */
export interface LoggedOptions {
  readonly name: string
  readonly upstream: Store
  /** Plain ranges. */
  readonly spans: Spans
  readonly keeps: Keeps
  readonly depthMax: number
  /** A shelf: the same one each time, or one with nothing on it. */
  readonly shelf: () => Shelf
}

/** The log as it is since a beginning. */
interface Log {
  readonly source: SourceId
  readonly kept: Kept
}

/** So often it begins anew where the horizon passes the beginning at once; then it begins at the newest point. */
const triesMax = 4

/** The answers of a changelog: a record for each change of a key, since the point at which it begins. */
export class Logged implements Answers {
  readonly instant: boolean
  readonly #options: LoggedOptions
  readonly #query: Query
  #shelf: Shelf | undefined
  #log: Log | undefined
  /** The one before: it answers until readers are told of the new one. */
  #former: Log | undefined
  /** Whether what stands on the shelf is not what this log can go on from. */
  #isOver = false

  constructor(options: LoggedOptions) {
    this.#options = options
    this.#query = options.spans.query
    this.#shelf = options.shelf()
    this.instant = this.#shelf.instant
    // What has not been reached yet may turn out to be of several later.
    if (options.upstream.sources.length > 0) movingOf(options.upstream.sources)
  }

  /** The point at which the log begins is a part of it: what it holds follows from both ends. */
  get source(): SourceId | undefined {
    return this.#log?.source
  }

  get newest(): Versions | undefined {
    return this.#log?.kept.newest
  }

  open(): Soon<Found | undefined> {
    if (this.#log !== undefined) return this.#goOn(this.#log)
    const shelf = this.#shelf ?? this.#options.shelf()
    return soon(shelf.open(), ({ watermark }) => {
      const since = this.#sinceOf(watermark?.definition)
      if (since === undefined) return undefined
      this.#log = this.#begun(since, shelf)
      return this.#log.kept.open()
    })
  }

  #goOn({ kept }: Log): Soon<Found | undefined> {
    if (this.#isOver) return undefined
    return soon(kept.open(), (held) => {
      this.#isOver = held === undefined
      return held
    })
  }

  resume(at: Versions): void {
    this.#log?.kept.resume(at)
  }

  quiet(at: Versions): void {
    this.#log?.kept.quiet(at)
  }

  apply(update: Taken, at: Versions): Soon<readonly string[] | undefined> {
    const source = movingOf(Object.keys(at))
    const log = this.#log
    const held = log?.kept.newest
    this.#former = undefined
    if (log === undefined || held === undefined || this.#isOver) return this.#begin(at).then(() => undefined)
    const isNext = held[source] !== undefined && at[source] === held[source] + 1
    const { replace, changes, folded } = update
    if (isNext && replace === undefined) return applied(log, { changes, folded, versions: at })
    const caught = this.#catchUp(log, held, at, replace === undefined ? update : undefined)
    return caught.then(
      () => undefined,
      (error: unknown) => {
        // What came between nobody can tell any more: a log that went on would have a hole.
        if (!isLost(error)) throw error
        return this.#begin(at).then(() => undefined)
      },
    )
  }

  mark(): Promise<void> {
    // What a beginning that failed has left behind must not pass for the log of before.
    return (this.#isOver ? undefined : this.#log?.kept.mark()) ?? Promise.resolve()
  }

  /** What it keeps it answers, whether or not the upstream still knows that point. */
  oldest(): Versions {
    return this.#log?.kept.oldest({}) ?? {}
  }

  read(spans: Spans, at: Versions): Soon<Reading> {
    return this.#answering(at).read(spans, at)
  }

  difference(spans: Spans, since: Versions, until: Versions): Soon<Difference> {
    return this.#answering(since).difference(spans, since, until)
  }

  #answering(at: Versions): Kept {
    for (const log of [this.#log, this.#former]) if (log !== undefined && log.source in at) return log.kept
    const { name } = this.#options
    const message = `${name} has begun anew, and does not know any more what was before: ask for a later point`
    throw new FanlightError('LOST_IN_FOG', message, { store: name, wanted: at, horizon: this.oldest() })
  }

  /** Begins at the oldest point that the upstream knows; what was there before answers until that is done. */
  async #begin(at: Versions): Promise<void> {
    const { name, upstream, shelf } = this.#options
    this.#isOver = true
    for (let tries = 1; ; tries++) {
      const { oldest } = upstream
      const least = (source: SourceId): number => Math.min(oldest[source] ?? Infinity, at[source] ?? 0)
      const since = tries < triesMax ? Object.fromEntries(Object.keys(at).map((source) => [source, least(source)])) : at
      const log = this.#begun(since, this.#shelf ?? shelf())
      // One in memory is for one beginning only.
      if (log.kept.instant) this.#shelf = undefined
      try {
        await log.kept.open()
        await applied(log, { changes: [], folded: 1, versions: since })
        await this.#catchUp(log, since, at, undefined)
        this.#former = this.#log
        this.#log = log
        this.#isOver = false
        return
      } catch (error) {
        if (!isLost(error)) throw error
        if (tries < triesMax) continue
        const message = `${name} could not begin: its upstream forgets faster than it can be read, see the cause`
        throw new FanlightError('UNAVAILABLE', message, { store: name, cause: error })
      }
    }
  }

  /** Logs each commit that lies between two points. */
  async #catchUp({ kept }: Log, since: Versions, at: Versions, known: Taken | undefined): Promise<void> {
    const { upstream } = this.#options
    const source = movingOf(Object.keys(at))
    const before = movingOf(Object.keys(since))
    // A source that continues another goes on with its versions; whether it does the upstream says.
    if (before !== source) await upstream.changes([], { since, until: at })
    const from = since[before] ?? 0
    const until = at[source] ?? 0
    const commits = new Commits(upstream, this.#query, source, at)
    for await (const { version, changes } of commits.between(from, until, known)) {
      if (version > from + 1) kept.quiet({ ...at, [source]: version - 1 })
      await applied({ kept }, { changes, folded: 1, versions: { ...at, [source]: version } })
    }
    kept.quiet(at)
  }

  #begun(since: Versions, shelf: Shelf): Log {
    const { name, upstream, keeps, depthMax } = this.#options
    const definition = JSON.stringify([formatVersions(since), ...this.#what])
    const operator = new LogOperator(upstream, keeps, depthMax, (at) => movingOf(Object.keys(at)))
    const kept = new Kept({ name, upstream, query: this.#query, operator, definition, shelf })
    return { source: makeSourceId('changelog', definition), kept }
  }

  /** What a log holds follows from its beginning and from this. */
  get #what(): readonly unknown[] {
    const { keeps, spans } = this.#options
    return [...[keeps.last, keeps.commits].map((most) => (most === Infinity ? null : most)), signatureOf(spans)]
  }

  /** The point at which a log began that is kept; undefined: it is another one. */
  #sinceOf(definition: string | undefined): Versions | undefined {
    if (definition === undefined) return undefined
    try {
      const [since, ...what] = JSON.parse(definition) as readonly [string, ...unknown[]]
      return JSON.stringify(what) === JSON.stringify(this.#what) ? parseVersions(since) : undefined
    } catch {
      return undefined
    }
  }
}

/** Those that stand for functions never move. */
const still: ReadonlySet<string> = new Set(['view', 'changelog'])

/**
 * The one source that moves.
 *
 * @throws BAD_QUERY where there are several: nobody can say in which order their commits were
 */
export function movingOf(sources: readonly SourceId[]): SourceId {
  const [source, ...others] = sources.filter((one) => !still.has(sourceName(one)))
  if (source !== undefined && others.length === 0) return source
  const message = `a changelog is of a store of one source, and this one has ${others.length + 1}: make one of each store, and mount them`
  throw new FanlightError('BAD_QUERY', message)
}

function applied({ kept }: Pick<Log, 'kept'>, commit: OneCommit): Soon<readonly string[] | undefined> {
  return kept.apply(commit, commit.versions)
}

function isLost(error: unknown): boolean {
  return isFanlightError(error, 'LOST_IN_FOG') || isFanlightError(error, 'SOURCE_RESET')
}
