import type { Versions } from '@fanlight/core'
import { leastOf } from '@fanlight/core/kit'

/** The point that those who were told of these are at; where none of them says anything of a source, how far that is. */
export function toldPoint(points: readonly Versions[], reached: Versions): Versions {
  const least = leastOf(points)
  for (const source in reached) if (!(source in least)) return { ...reached, ...least }
  return least
}
