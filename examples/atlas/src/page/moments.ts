import type { SourceId, Versions, Windows } from 'fanlight'

/** When this page first knew of a version. */
interface Moment {
  readonly version: number
  readonly at: number
}

/** How many moments of one source are kept. */
const most = 4000

/** When versions came: so that a version can be shown as a time. */
export class Moments {
  readonly #known = new Map<SourceId, Moment[]>()

  /** The page knows of these versions now. */
  saw(versions: Versions, now: number): void {
    for (const source in versions) {
      const version = versions[source] ?? 0
      const list = this.#known.get(source) ?? []
      if (list.length === 0) this.#known.set(source, list)
      if (version <= (list.at(-1)?.version ?? -1)) continue
      list.push({ version, at: now })
      if (list.length > most) list.splice(0, most / 2)
    }
  }

  /** When a version came, about: between two moments, versions come evenly. */
  timeOf(source: SourceId, version: number): number {
    const list = this.#known.get(source) ?? []
    const next = list[indexOf(list, version)]
    const before = list[indexOf(list, version) - 1]
    if (next === undefined) return list.at(-1)?.at ?? 0
    if (before === undefined || next.version === version) return next.at
    const share = (version - before.version) / (next.version - before.version)
    return before.at + share * (next.at - before.at)
  }

  /** For how long an answer has not been the newest: how long ago the first commit came that it lacks. */
  ageOf(source: SourceId, version: number, now: number): number {
    const newest = this.#known.get(source)?.at(-1)
    return newest === undefined || newest.version <= version ? 0 : Math.max(0, now - this.timeOf(source, version + 1))
  }
}

/** Where the first moment is that is not before a version. */
function indexOf(list: readonly Moment[], version: number): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((list[middle]?.version ?? 0) < version) low = middle + 1
    else high = middle
  }
  return low
}

/** The source with a name, among those of an answer. */
export function sourceNamed(windows: Windows, name: string): SourceId | undefined {
  return Object.keys(windows).find((source) => source.startsWith(`${name}@`))
}
