import { type Entry, desc, key } from 'fanlight'
import { type City, loadedKey } from './cities.ts'
import { geohash } from './geohash.ts'

/** A city on the map. */
export interface Place {
  readonly id: string
  readonly name: string
  readonly country: string
  readonly population: number
  readonly latitude: number
  readonly longitude: number
}

/** Cities of fewer inhabitants are not among the largest, of which there are some more than 2,000. */
const largeMin = 200_000

/** Of how many inhabitants on a city is of a tier: the map shows fewer tiers where it shows more of the world. */
const tiers = [
  { name: 'a', min: 100_000 },
  { name: 'b', min: 15_000 },
  { name: 'c', min: 0 },
] as const

/** What the map makes of a city: its place, by tier and geohash; and of a large one its rank in the world. */
export function place({ key: id, value }: Entry): Entry<Place>[] {
  if (id === loadedKey) return []
  const { name, country, population, latitude, longitude } = value as City
  const found: Place = { id, name, country, population, latitude, longitude }
  const tier = tiers.find(({ min }) => population >= min)?.name ?? 'c'
  const entries: Entry<Place>[] = [{ key: key('at', tier, geohash(latitude, longitude, 6), id), value: found }]
  if (population >= largeMin) entries.push({ key: key('largest', desc(population), id), value: found })
  return entries
}

/** The same city without what stands before its rank. */
export function unprefixed({ key, value }: Entry<Place>): Entry<Place> {
  return { key: key.slice('largest/'.length), value }
}
