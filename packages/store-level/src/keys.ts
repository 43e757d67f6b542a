/**
 * Where things stand in LevelDB. One letter begins each key:
 *
 * | key | value |
 * | --- | --- |
 * | `d` key | the newest record of the key; a delete too, until the horizon has passed it |
 * | `h` key `\0\0` version, counted down | a record that was replaced, and the version that replaced it |
 * | `l` version | one commit: when it came, and which records it replaced |
 * | `i` number `/` session | the version of the commit with this id |
 * | `m` name | the format, the lineage, the horizon |
 *
 * LevelDB orders by the bytes of UTF-8, which is by code point, as Fanlight does.
 *
 * @module
 */
import type { CommitId } from '@fanlight/core'

export const formatKey = 'mformat'
export const lineageKey = 'mlineage'
export const horizonKey = 'mhorizon'

/** The first key behind all newest records. */
export const dataEnd = 'e'
/** The first key behind all replaced records. */
export const historyEnd = 'i'
/** The first key behind the log. */
export const logEnd = 'm'

/** So many digits has the greatest version in base 36. */
const digits = 11

/** Where the newest record of a key stands. */
export function dataKey(key: string): string {
  return `d${key}`
}

/** The key whose newest record stands there. */
export function keyOfData(place: string): string {
  return place.slice(1)
}

/**
 * Where a record stands that was replaced. The records of one key stand together, newest first, in the order of keys.
 *
 * @param version the version of the record itself
 */
export function historyKey(key: string, version: number): string {
  // Two NULs end the key, and come before whatever a longer key goes on with: its own NULs are followed by \x01.
  const escaped = key.includes('\0') ? key.replaceAll('\0', '\0\x01') : key
  return `h${escaped}\0\0${fixed(Number.MAX_SAFE_INTEGER - version)}`
}

/** Where a commit stands in the log. */
export function logKey(version: number): string {
  return `l${fixed(version)}`
}

/** The version of a commit, from where it stands in the log. */
export function logVersion(key: string): number {
  return Number.parseInt(key.slice(1), 36)
}

/** Names a commit by its id. */
export function idName(id: CommitId): string {
  return `${id.number}/${id.session}`
}

/** Where the version of a commit stands, by what `idName` made of its id. */
export function idKey(name: string): string {
  return `i${name}`
}

function fixed(version: number): string {
  return version.toString(36).padStart(digits, '0')
}
