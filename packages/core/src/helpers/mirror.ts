import { checkOptions } from '../check-options.ts'
import { FanlightError } from '../errors.ts'
import { type Spans, intersectSpan, isEmptySpan, readQuery, spansHave } from '../ranges.ts'
import type { Entry, Query, Store, Types, ValueAt, WritableStore } from '../store.ts'
import type { MirrorOptions, Settable } from './mirror-options.ts'
import { MapSink, type MirrorSink } from './mirror-sinks.ts'
import { watermarkKeyOf } from './mirror-watermark.ts'
import { Mirror } from './mirrored-query.ts'
import { SettableSink, isVariable } from './settable-sink.ts'
import { StoreSink, spanUnder } from './store-sink.ts'

/**
 * Keeps a sink equal to a query. Every step of the query is one step of the sink, with the deletes of what vanished: a sink
 * never shows half a commit (L4, L5). A slow sink gets fewer and larger steps (L8).
 *
 * - A variable, or anything with `set`, gets the value of the key that is asked for, or the list of entries; or what `value`
 *   makes of them.
 * - A `Map` gets the entries, all of a step in one turn.
 * - A store that takes commits gets one commit a step. The commit also says, at `watermarkKey`, up to which point the sink
 *   holds the query: a mirror that starts again, after a crash too, goes on exactly there, or replaces what it holds where the
 *   past is lost (L7). A step whose outcome is not known is tried again and done once.
 *
 * The keys of the sink that the ranges of the query cover, behind `prefix`, belong to the mirror: whatever else stands there
 * when it begins is removed. It follows them: what someone else changes there, also while no mirror ran, is put back as one
 * commit, which `onError` is told of as a CONFLICT with the keys; again and again, and it does so less and less often. With
 * `foreign: 'refuse'` that CONFLICT ends the mirror instead, and so does what stands there when it begins. A `Map`, and what
 * has `set` and is no variable of Fanlight, cannot be followed. A mirror is no view: a store that is fed by it has a source of its own.
 *
 * A failure that may pass (UNAVAILABLE, STALLED, TOO_MANY, CONFLICT, LOST_IN_FOG) is told to `onError`, and the mirror goes
 * on after a pause; any other ends it, and is its `error`.
 *
 * @param store   what is mirrored
 * @param query   which part of it
 * @param sink    where to
 * @param options prefix, value, watermarkKey, foreign (default 'repair'), onError, retryMs (default 100), retryMsMax (default 10,000), clock, random, and
 *   min, stall, signal, alone as in `watch`
 * @returns how it goes: `versions`, `behind`, `behindMs`, `state`, `retrying`, `error`, `repairs`, `onChange`, `settled`, `close`
 * @throws BAD_QUERY, also where the sink is `store` itself and the query covers what is written there; BAD_KEY; READ_ONLY where the sink takes no commits; UNSUPPORTED for `foreign` where it cannot be followed
 *
 * @example
 * ```ts
 * import { createMemoryStore, mirror, prefix, put } from '@fanlight/core'
 *
 * const store = createMemoryStore<{ '': number }>()
 * const copy = new Map<string, number>()
 * const mirrored = mirror(store, prefix('a/'), copy)
 * await store.commit([put('a/1', 10), put('b/1', 20)])
 * await mirrored.settled()
 * console.log(copy) // Map(1) { 'a/1' => 10 }
 * await mirrored.close()
 * ```
 */
export function mirror<T extends Types, const Q extends Query, S extends Types>(
  store: Store<T>,
  query: Q,
  sink: Map<string, ValueAt<T, Q>> | Settable<never> | Store<S>,
  options: MirrorOptions<ValueAt<T, Q>> = {},
): Mirror<ValueAt<T, Q>> {
  const spans = readQuery(query)
  checkOptions(options, {
    value: 'function',
    onError: 'function',
    retryMs: 'amount',
    retryMsMax: 'amount',
    foreign: ['repair', 'refuse'],
  })
  return new Mirror(store, spans, sinkOf(store, spans, sink, options), options)
}

function sinkOf<V, S extends Types>(
  store: Pick<Store, 'fetch' | 'sources' | 'continues'>,
  spans: Spans,
  sink: Map<string, V> | Settable<never> | Store<S>,
  options: MirrorOptions<V>,
): MirrorSink<V> {
  const { prefix = '', clock, random, foreign = 'repair' } = options
  if ((typeof sink !== 'object' && typeof sink !== 'function') || sink === null) {
    throw new FanlightError('BAD_QUERY', 'a mirror writes into a Map, into anything with `set`, or into a store')
  }
  const isFollowed = isVariable(sink) || !('set' in sink)
  if (options.foreign !== undefined && !isFollowed) {
    throw new FanlightError(
      'UNSUPPORTED',
      'a Map, or what has `set`, does not tell who changed it: leave `foreign` out, or mirror into a variable or a store',
    )
  }
  if (sink instanceof Map) return new MapSink(sink, prefix, spans)
  if ('set' in sink) {
    const make = options.value ?? (typeof spans.query === 'string' ? valueOfOne : plainList)
    return new SettableSink(sink, { make, reverse: spans.reverse, foreign })
  }
  if (sink.commit === undefined || !sink.supports.commit)
    throw new FanlightError('READ_ONLY', 'the sink takes no commits: mirror to one that does')
  const watermarkKey = options.watermarkKey ?? watermarkKeyOf(store.sources, prefix, spans)
  if ((store as unknown) === sink) refuseCircle(spans, prefix, watermarkKey)
  return new StoreSink(sink as WritableStore<Types>, store, spans, { prefix, clock, random, watermarkKey, foreign })
}

/**
 * What a mirror writes into the very store that it mirrors must not be what it mirrors: each step would make the next one.
 *
 * @throws BAD_QUERY
 */
function refuseCircle(spans: Spans, prefix: string, watermarkKey: string): void {
  const written = spans.list.map((span) => spanUnder(prefix, span))
  const isCircle = written.some((span) =>
    spans.list.some(({ lo, hi }) => !isEmptySpan(span) && !isEmptySpan(intersectSpan(span, lo, hi))),
  )
  if (!isCircle && !spansHave(spans, watermarkKey)) return
  const message = `a mirror into the store that it mirrors would follow itself without an end: name a \`${isCircle ? 'prefix' : 'watermarkKey'}\` that the query does not cover`
  throw new FanlightError('BAD_QUERY', message)
}

function valueOfOne<V>(entries: readonly Entry<V>[]): V | undefined {
  return entries[0]?.value
}

function plainList<V>(entries: readonly Entry<V>[]): readonly Entry<V>[] {
  return entries.map(({ key, value }) => ({ key, value }))
}
