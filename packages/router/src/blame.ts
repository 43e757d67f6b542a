import type { FanlightError, SourceId, Versions } from '@fanlight/core'

/** The source whose horizon passed a point, as far as the error of its store tells. */
export function forgottenIn(error: FanlightError, wanted: Versions | undefined): SourceId | undefined {
  const { source, horizon = {} } = error
  const passed = (point: Versions | undefined): SourceId | undefined =>
    Object.keys(horizon).find((id) => (horizon[id] ?? 0) > (point?.[id] ?? Infinity))
  return source ?? passed(wanted) ?? passed(error.wanted)
}
