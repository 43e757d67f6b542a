import { compareKeys } from '@fanlight/core/kit'
import { type Replaced, decodeReplaced, decodeStored, storedVersion } from './codec.ts'
import type { Disk } from './disk.ts'
import { dataKey, historyEnd, historyKey } from './keys.ts'

/** A page of replaced records grows up to this, as long as it is of use. */
const pageMax = 512

/** So many keys are read by one call. */
const keysMax = 1000

/**
 * What keys were at a version, for keys that changed after it: among the records that were replaced.
 *
 * It walks through them in pages, and jumps to the next key that is asked for where a page brought nothing: so it costs a
 * page a key at most, however often keys changed since.
 *
 * @returns of each key the record of that version; keys that are absent there have none
 * @throws CORRUPT, UNAVAILABLE
 */
export async function readPast(disk: Disk, keys: Iterable<string>, version: number): Promise<Map<string, Replaced>> {
  const sought = [...keys].sort(compareKeys)
  const found = new Map<string, Replaced>()
  let at = 0
  while (at < sought.length) {
    const first = historyKey(sought[at] ?? '', version)
    const pages = disk.pages({ gte: first, lt: historyEnd })
    try {
      for (let size = 8; ; size = Math.min(size * 2, pageMax)) {
        const page = await pages.next(size)
        if (page.length === 0) return found
        const before = at
        at = takePage(page, sought, at, version, found)
        if (at === sought.length) return found
        if (at === before && size > 8) break
      }
    } finally {
      pages.close()
    }
  }
  return found
}

/** Finds the keys that a page tells of, from the one at `at` on. Returns the first of which it tells nothing. */
function takePage(
  page: readonly (readonly [string, string])[],
  sought: readonly string[],
  at: number,
  version: number,
  found: Map<string, Replaced>,
): number {
  let next = at
  for (const [place, text] of page) {
    for (; next < sought.length; next++) {
      const key = sought[next] as string
      if (compareKeys(place, historyKey(key, version)) < 0) break
      // Behind the last of its records: it was not there.
      if (compareKeys(place, historyKey(key, 0)) > 0) continue
      found.set(key, decodeReplaced(key, text))
      next++
      break
    }
    if (next === sought.length) break
  }
  return next
}

/** A key, and the version of a record of it that is known to be. */
export interface Place {
  readonly key: string
  readonly version: number
}

/**
 * The values that keys got by commits that are known: from their newest records, or among those that were replaced.
 *
 * @returns by key; a key is missing where its record is
 */
export async function readExactly(disk: Disk, places: readonly Place[]): Promise<Map<string, unknown>> {
  const values = new Map<string, unknown>()
  for (let i = 0; i < places.length; i += keysMax) {
    const some = places.slice(i, i + keysMax)
    const newest = await disk.getMany(some.map(({ key }) => dataKey(key)))
    const older: Place[] = []
    for (const [j, place] of some.entries()) {
      const text = newest[j]
      if (text === undefined || storedVersion(text) !== place.version) older.push(place)
      else values.set(place.key, decodeStored(place.key, text).value)
    }
    if (older.length === 0) continue
    const replaced = await disk.getMany(older.map(({ key, version }) => historyKey(key, version)))
    for (const [j, { key }] of older.entries()) {
      const text = replaced[j]
      if (text !== undefined) values.set(key, decodeReplaced(key, text).stored.value)
    }
  }
  return values
}
