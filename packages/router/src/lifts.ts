import type { SourceId, Update } from '@fanlight/core'
import { mergeSpans, rangeOf } from '@fanlight/core/kit'
import type { Joiner } from './joined.ts'
import { liftUpdate } from './lift.ts'
import type { Part } from './plan.ts'

/** What is needed to lift an update that another feed of the same query has taken too. */
interface Known {
  readonly prefix: string
  readonly version: number
  readonly step: Update | undefined
}

/**
 * The updates of single stores, at the keys of the router. Feeds of one query get one update of their store, and so one
 * update of the router: it is made once, however many feeds take it.
 */
export class Lifts {
  readonly #source: SourceId
  readonly #versions: Joiner
  readonly #levels: Joiner
  readonly #known = new WeakMap<Update, Known>()

  constructor(source: SourceId, versions: Joiner, levels: Joiner) {
    this.#source = source
    this.#versions = versions
    this.#levels = levels
  }

  /**
   * The step that an update is in the router; undefined: nothing that shows.
   *
   * @param part    with one place at which every key belongs
   * @param version of the table of mounts
   */
  step(part: Part, update: Update, version: number): Update | undefined {
    const prefix = part.places[0]?.mount.prefix ?? ''
    const known = this.#known.get(update)
    // What is replaced depends on what was asked for, which the update does not say.
    if (known !== undefined && known.prefix === prefix && known.version === version) return known.step
    const step = this.#made(part, update, version)
    if (update.replace === undefined) this.#known.set(update, { prefix, version, step })
    return step
  }

  #made(part: Part, update: Update, version: number): Update | undefined {
    const { spans, entries, changes } = liftUpdate(part, update)
    // Of several commits one may have undone what another did: that is a step, since answers lie between that are others.
    if (update.replace === undefined && changes.length === 0 && update.folded <= 1) return undefined
    const replace = { ranges: mergeSpans(spans).map(rangeOf), entries }
    return {
      generation: 0,
      ...(update.replace === undefined ? {} : { replace }),
      changes,
      versions: this.#versions.join(update.versions, this.#source, version),
      behind: this.#levels.join(update.behind, this.#source, 0),
      folded: update.folded,
    }
  }
}
