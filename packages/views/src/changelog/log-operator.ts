import {
  type Change,
  type Entry,
  type Store,
  type Update,
  type Versions,
  defaultLimits,
  key as keyOf,
} from '@fanlight/core'
import { type Soon, all, ask, checkValue, soon, valuesEqual } from '@fanlight/core/kit'
import type { Taken } from '../follower.ts'
import { MapFailure } from '../mapping.ts'
import type { Operator } from '../operators/operator.ts'
import type { Plan } from '../plan.ts'
import type { Area, Reader, ShelfChange } from '../shelf.ts'

/** How much a changelog keeps. */
export interface Keeps {
  /** Of each key at most so many records. */
  readonly last: number
  /** The records of at most so many commits. */
  readonly commits: number
}

/** What is kept of a key: how many records it has, and at which version the newest is. */
type Count = readonly [records: number, newest: number]

/** A step of one commit, which says at which version it is. */
export type OneCommit = Taken & Pick<Update, 'versions'>

/**
 * Logs one commit: a record for each key whose value it changed. What is there of a key says what it was before; where
 * nothing is, the upstream says it, since a commit that puts what is there already changes nothing, whoever tells of it.
 *
 * | area | key | value |
 * | --- | --- | --- |
 * | `out` | `key(key of the upstream, version)` | the record |
 * | `count` | a key of the upstream | how many records it has, and at which version the newest is |
 * | `turn` | `key(version)` | the keys that have a record of this commit; at `''` how many commits have any |
 */
export class LogOperator implements Operator {
  readonly #upstream: Store
  readonly #keeps: Keeps
  readonly #depthMax: number
  readonly #moving: (at: Versions) => string

  /** @param moving which source of a point is the one that moves */
  constructor(upstream: Store, keeps: Keeps, depthMax: number, moving: (at: Versions) => string) {
    this.#upstream = upstream
    this.#keeps = keeps
    this.#depthMax = depthMax
    this.#moving = moving
  }

  plan({ changes, ...update }: Taken, reader: Reader): Soon<Plan> {
    if (changes.length === 0) return { changes: [], touched: [] }
    const { versions } = update as OneCommit
    const source = this.#moving(versions)
    const version = versions[source] ?? 0
    const before = { ...versions, [source]: version - 1 }
    return soon(this.#lookUp(changes, reader, before), ({ counts, values }) => {
      const changed = changes.filter((change, i) => !valuesEqual(change.value, values[i]))
      if (changed.length === 0) return { changes: [], touched: [] }
      const writing = new Writing(counts)
      for (const change of changed) this.#add(writing, change, version)
      return soon(this.#dropOfKeys(writing, changed, reader), () =>
        soon(this.#turn(writing, changed, version, reader), () => writing.plan),
      )
    })
  }

  /** How many records the keys have, and the values that they had before the commit. */
  #lookUp(
    changes: readonly Change[],
    reader: Reader,
    before: Versions,
  ): Soon<{ counts: Map<string, Count>; values: readonly unknown[] }> {
    const keys = changes.map(({ key }) => key)
    return soon(reader.values('count', keys), (found) => {
      const counts = new Map<string, Count>()
      const known: number[] = []
      const unknown: string[] = []
      keys.forEach((key, i) => {
        if (found[i] === undefined) return unknown.push(key)
        counts.set(key, found[i] as Count)
        return known.push(i)
      })
      const newest = known.map((i) => recordKey(keys[i] ?? '', counts.get(keys[i] ?? '')?.[1] ?? 0))
      return soon(reader.values('out', newest), (records) =>
        soon(this.#valuesAt(unknown, before), (values) => {
          known.forEach((i, at) => values.set(keys[i] ?? '', (records[at] as { value?: unknown }).value))
          return { counts, values: keys.map((key) => values.get(key)) }
        }),
      )
    })
  }

  #valuesAt(keys: readonly string[], point: Versions): Soon<Map<string, unknown>> {
    const found: Soon<readonly Entry[]>[] = []
    for (let i = 0; i < keys.length; i += defaultLimits.ranges) {
      const some = keys.slice(i, i + defaultLimits.ranges)
      found.push(soon(ask(this.#upstream, some, { min: point, max: point }), ({ entries }) => entries))
    }
    return soon(all(found), (lists) => new Map(lists.flat().map(({ key, value }) => [key, value])))
  }

  #add(writing: Writing, { key, value }: Change, version: number): void {
    const record = value === undefined ? { version, gone: true } : { version, value }
    try {
      writing.put('out', recordKey(key, version), record, checkValue(record, this.#depthMax))
    } catch (error) {
      throw new MapFailure(key, error)
    }
    writing.counted(key, 1, version)
  }

  /** Where a key has more records than are kept, the oldest one goes. */
  #dropOfKeys(writing: Writing, changed: readonly Change[], reader: Reader): Soon<void> {
    const full = changed.filter(({ key }) => writing.records(key) > this.#keeps.last)
    const oldest = full.map(({ key }) => {
      const start = keyOf(key)
      return reader.scan('out', { lo: `${start}/`, hi: `${start}0`, limit: 1, reverse: false })
    })
    return soon(all(oldest), (found) => {
      found.forEach(([record], i) => {
        const key = full[i]?.key ?? ''
        // With one record a key the oldest is that of the commit before, or there is none but the new one.
        if (record !== undefined) writing.drop(record.key, key)
      })
    })
  }

  /** Where more commits have records than are kept, those of the oldest one go. */
  #turn(writing: Writing, changed: readonly Change[], version: number, reader: Reader): Soon<void> {
    if (this.#keeps.commits === Infinity) return
    const keys = changed.map(({ key }) => key)
    writing.put('turn', keyOf(version), keys, checkValue(keys, Infinity))
    return soon(reader.values('turn', ['']), ([turns]) => {
      const before = (turns ?? 0) as number
      if (before < this.#keeps.commits) return writing.put('turn', '', before + 1, 8)
      // Versions are numbers: no key of one is `''`, and each is behind that.
      return soon(reader.scan('turn', { lo: '\0', hi: undefined, limit: 1, reverse: false }), ([oldest]) => {
        if (oldest === undefined) return
        writing.put('turn', oldest.key, undefined, 0)
        const records = (oldest.value as readonly string[]).map((key) => ({ key, at: `${keyOf(key)}/${oldest.key}` }))
        const there = reader.values(
          'out',
          records.map(({ at }) => at),
        )
        return soon(there, (values) => {
          const left = records.filter((_, i) => values[i] !== undefined)
          const counts = reader.values(
            'count',
            left.map(({ key }) => key),
          )
          return soon(counts, (found) =>
            left.forEach(({ key, at }, i) => {
              writing.know(key, found[i] as Count)
              writing.drop(at, key)
            }),
          )
        })
      })
    })
  }
}

/** What one commit comes to on the shelf. */
class Writing {
  readonly #counts: Map<string, Count>
  readonly #changes = new Map<string, ShelfChange>()

  constructor(counts: Map<string, Count>) {
    this.#counts = counts
  }

  get plan(): Plan {
    const changes = [...this.#changes.values()]
    return { changes, touched: changes.flatMap(({ area, key }) => (area === 'out' ? [key] : [])) }
  }

  records(key: string): number {
    return this.#counts.get(key)?.[0] ?? 0
  }

  /** How many records of a key there were: unless it is known better by now. */
  know(key: string, count: Count): void {
    if (!this.#counts.has(key)) this.#counts.set(key, count)
  }

  put(area: Area, key: string, value: unknown, bytes: number): void {
    this.#changes.set(`${area}/${key}`, { area, key, value, bytes })
  }

  /** A record goes, unless it has gone already. */
  drop(record: string, key: string): void {
    const change = this.#changes.get(`out/${record}`)
    if (change !== undefined && change.value === undefined) return
    this.put('out', record, undefined, 0)
    this.counted(key, -1)
  }

  counted(key: string, by: number, newest?: number): void {
    const [records, last] = this.#counts.get(key) ?? [0, 0]
    const count: Count = [records + by, newest ?? last]
    this.#counts.set(key, count)
    this.put('count', key, count[0] === 0 ? undefined : count, 24)
  }
}

function recordKey(key: string, version: number): string {
  return keyOf(key, version)
}
