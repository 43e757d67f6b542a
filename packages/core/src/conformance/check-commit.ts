import type { FanlightError } from '../errors.ts'
import type { Change, CommitOptions, Versions } from '../store.ts'
import { ensure, sameValue, show } from './check.ts'
import { inRange, rangesOf } from './evaluate.ts'
import { type Model, applyChanges } from './model.ts'

/** Which keys, of those that a commit depends on, other commits changed after its basis. */
interface Touched {
  /** They have another value, or none. */
  readonly changed: ReadonlySet<string>
  /** They were written, perhaps with the value that they had. */
  readonly written: ReadonlySet<string>
}

/** Before every version: what a basis holds of a source that it does not name. */
const nothingKnown = -1

/** A commit that went through: nothing that it depends on changed between its basis and its version. */
export function checkCommitted(
  model: Model,
  changes: readonly Change[],
  options: CommitOptions,
  versions: Versions,
): void {
  const { changed } = touchedAfter(model, changes, options, model.canonical(versions))
  ensure(
    changed.size === 0,
    () =>
      `section 6: ${show(changes)} got ${show(versions)} on the basis ${show(options.basis)}, after which ${show([...changed])} changed`,
  )
}

/** A commit that was refused: something that it depends on was written after its basis, and it names that. */
export function checkConflict(
  model: Model,
  changes: readonly Change[],
  options: CommitOptions,
  error: FanlightError,
): void {
  const { written } = touchedAfter(model, changes, options, {})
  const keys = error.keys ?? []
  ensure(
    keys.length > 0 && keys.every((key) => written.has(key)),
    () =>
      `section 6: CONFLICT on the basis ${show(options.basis)} names ${show(keys)}, but after it changed ${show([...written])}`,
  )
}

function touchedAfter(
  model: Model,
  changes: readonly Change[],
  { basis, guard }: CommitOptions,
  until: Versions,
): Touched {
  const [changed, written] = [new Set<string>(), new Set<string>()]
  if (basis === undefined) return { changed, written }
  const from = model.canonical(basis)
  const ranges = guard === undefined ? [] : rangesOf(guard)
  const own = new Set(changes.map(({ key }) => key))
  const state = new Map<string, unknown>()
  for (const { at, changes: made } of model.commits) {
    const after = Object.entries(at).some(([source, version]) => {
      return version > (from[source] ?? nothingKnown) && version < (until[source] ?? Infinity)
    })
    for (const change of made) {
      const { key } = change
      const before = state.get(key)
      const had = state.has(key)
      applyChanges(state, [change])
      if (!after || !(own.has(key) || ranges.some((range) => inRange(range, key)))) continue
      written.add(key)
      if (had !== state.has(key) || !sameValue(before, state.get(key))) changed.add(key)
    }
  }
  return { changed, written }
}
