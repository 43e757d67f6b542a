/**
 * Points: for each source a version. They compare over the union of their sources, an absent source being below all.
 *
 * @module
 */
import { FanlightError, isFanlightError } from './errors.ts'
import { compareKeys, isWellFormed } from './keys/order.ts'
import type { Continued, SourceId, Versions } from './store.ts'

/** What "nothing known" counts as: below version 0. */
const nothing = -1

/**
 * How two points lie to each other: `'before'` where `a` knows less than `b` and nothing more, `'concurrent'` where
 * each knows something that the other does not.
 *
 * @example
 * ```ts
 * import { compareVersions } from '@fanlight/core'
 *
 * console.log(compareVersions({ 'a@1': 3 }, { 'a@1': 3, 'b@1': 0 })) // 'before'
 * ```
 */
export function compareVersions(a: Versions, b: Versions): 'before' | 'after' | 'equal' | 'concurrent' {
  if (a === b) return 'equal'
  const less = knowsMore(b, a)
  const more = knowsMore(a, b)
  if (less) return more ? 'concurrent' : 'before'
  return more ? 'after' : 'equal'
}

/** Whether `a` is beyond `b` in any source. */
function knowsMore(a: Versions, b: Versions): boolean {
  for (const id in a) if ((a[id] ?? nothing) > (b[id] ?? nothing)) return true
  return false
}

/**
 * The least point that is not before either: for each source the greater version. Where one of the two is that point
 * already, it is returned itself.
 */
export function mergeVersions(a: Versions, b: Versions): Versions {
  if (!knowsMore(b, a)) return a
  if (!knowsMore(a, b)) return b
  const merged: Record<SourceId, number> = { ...a }
  for (const id in b) merged[id] = Math.max(merged[id] ?? nothing, b[id] ?? nothing)
  return merged
}

/** Whether `reached` is at or beyond `wanted` in every source of `wanted`; one absent in `reached` is not reached. */
export function reaches(reached: Versions, wanted: Versions): boolean {
  return reached === wanted || !knowsMore(wanted, reached)
}

/** The first source in which one point is not as far as another; one absent in `reached` is not reached. */
export function firstBehind(reached: Versions, wanted: Versions | undefined): SourceId | undefined {
  for (const id in wanted) if ((reached[id] ?? nothing) < (wanted[id] ?? 0)) return id
  return undefined
}

/**
 * A point as text: visible ASCII without spaces, commas and quotes, so that it fits into a header. Equal points give
 * equal texts. The empty point is `''`.
 *
 * @throws BAD_QUERY where it is no point
 * @example
 * ```ts
 * import { formatVersions } from '@fanlight/core'
 *
 * console.log(formatVersions({ 'users@k3': 12, 'my posts@x': 4 })) // my%20posts@x=4&users@k3=12
 * ```
 */
export function formatVersions(versions: Versions): string {
  const ids = Object.keys(checkVersions(versions, 'the point')).sort(compareKeys)
  return ids.map((id) => `${encodeId(id)}=${versions[id]}`).join('&')
}

/** Percent-encodes all but letters, digits and `@ - _ . ! ~ * ( )`. */
function encodeId(id: SourceId): string {
  return encodeURIComponent(id).replaceAll('%40', '@').replaceAll("'", '%27')
}

/**
 * The point that {@link formatVersions} wrote.
 *
 * @throws BAD_QUERY where the text is something else
 */
export function parseVersions(text: string): Versions {
  if (typeof text !== 'string') throw malformed(text)
  const versions: Record<SourceId, number> = {}
  for (const item of text === '' ? [] : text.split('&')) {
    const [, encoded = '', digits = ''] = itemPattern.exec(item) ?? []
    const id = decodeId(encoded)
    const version = Number(digits)
    if (id === undefined || !isSourceId(id) || Object.hasOwn(versions, id) || !Number.isSafeInteger(version)) {
      throw malformed(text)
    }
    versions[id] = version
  }
  return versions
}

const itemPattern = /^([!-~]+)=(0|[1-9][0-9]{0,15})$/

function decodeId(encoded: string): SourceId | undefined {
  try {
    const id = decodeURIComponent(encoded)
    return encodeId(id) === encoded ? id : undefined
  } catch {
    return undefined
  }
}

function malformed(text: unknown): FanlightError {
  return new FanlightError('BAD_QUERY', `this is no text of versions: ${JSON.stringify(text)?.slice(0, 80)}`)
}

/**
 * Checks that something is a point.
 *
 * @param what how to call it in the message: `min`, `since`
 * @throws BAD_QUERY
 */
export function checkVersions(versions: unknown, what: string): Versions {
  if (typeof versions !== 'object' || versions === null || Array.isArray(versions)) {
    throw new FanlightError('BAD_QUERY', `${what} must be versions: an object of a version for each source`)
  }
  const point = versions as Versions
  for (const id in point) {
    if (!isSourceId(id)) {
      throw new FanlightError(
        'BAD_QUERY',
        `${what} names a source ${JSON.stringify(id)}, which is not of the form name@incarnation`,
      )
    }
    const version: unknown = point[id]
    if (!Number.isSafeInteger(version) || (version as number) < 0) {
      throw new FanlightError('BAD_QUERY', `${what} has a version of ${id} that is no safe integer from 0 up`, {
        source: id,
      })
    }
  }
  return point
}

/** Whether it is `name@incarnation` with a name. Any text with an `@` is safe as the name of a member. */
function isSourceId(id: string): boolean {
  return id.indexOf('@') > 0 && isWellFormed(id)
}

/**
 * Puts a source id together.
 *
 * @param name what it is called: not empty, without `@`
 * @param incarnation which line of history under this name; it may hold `@`
 * @throws BAD_QUERY where the name is none
 */
export function makeSourceId(name: string, incarnation: string): SourceId {
  const id = `${name}@${incarnation}`
  if (typeof name !== 'string' || name.includes('@') || !isSourceId(id)) {
    throw new FanlightError(
      'BAD_QUERY',
      `a source needs a name that is well-formed text, not empty and without '@': not '${name}'`,
    )
  }
  return id
}

/** The name of a source: what stands before the first `@`. */
export function sourceName(id: SourceId): string {
  return id.slice(0, id.indexOf('@'))
}

/**
 * Reads a point from elsewhere as a point of these sources: its own versions stay, those of incarnations that a source
 * continues become versions of that source, and those of foreign sources are dropped.
 *
 * @param point checked already
 * @param sources what the store has now
 * @param continues which former sources these continue
 * @throws SOURCE_RESET for an incarnation that is not continued, or beyond the version up to which it is
 */
export function resolvePoint(
  point: Versions,
  sources: readonly SourceId[],
  continues: readonly Continued[] = [],
): Versions {
  const own = sources.length > 8 ? new Set(sources) : { has: (id: SourceId) => sources.includes(id) }
  let names: Set<string> | undefined
  let foreign = false
  const resolved: Record<SourceId, number> = {}
  for (const id in point) {
    const version = point[id] ?? nothing
    if (own.has(id)) {
      resolved[id] = Math.max(version, resolved[id] ?? nothing)
      continue
    }
    foreign = true
    const former = continues.find((one) => one.id === id)
    if (former !== undefined && version <= former.upTo) {
      resolved[former.as] = Math.max(version, resolved[former.as] ?? nothing)
      continue
    }
    names ??= new Set(sources.map(sourceName))
    if (former !== undefined || names.has(sourceName(id))) throw sourceReset(id, version)
  }
  return foreign ? resolved : point
}

/** A point as `resolve` reads it, where what is of a history that is not continued counts as absent. */
export function withoutReset(point: Versions, resolve: (point: Versions) => Versions): Versions {
  try {
    return resolve(point)
  } catch (error) {
    if (!isFanlightError(error, 'SOURCE_RESET') || error.source === undefined) throw error
    const { [error.source]: _reset, ...rest } = point
    return withoutReset(rest, resolve)
  }
}

function sourceReset(id: SourceId, version: number): FanlightError {
  const message = `version ${version} of ${id} is of a history that is not continued here: forget it and read anew`
  return new FanlightError('SOURCE_RESET', message, { source: id, wanted: { [id]: version } })
}
