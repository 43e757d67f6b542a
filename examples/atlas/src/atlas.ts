import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import {
  type Entry,
  type EventListener,
  type Router,
  type Store,
  createRouter,
  createVariable,
  createView,
  desc,
  key,
} from 'fanlight'
import { openJsonStore } from '@fanlight/store-json'
import { openLevelStore } from '@fanlight/store-level'
import { type City, loadCities, loadedKey } from './cities.ts'
import { type Country, writeCountries } from './countries.ts'
import { makeFolder } from './folder.ts'
import type { Settings } from './settings.ts'

/** What the index says of a city: its key holds the country and the rank. */
export interface Ranked {
  readonly id: string
  readonly name: string
  readonly population: number
}

/** How long making the index may take, in milliseconds. */
const indexingMs = 10 * 60_000

/** The four sources, and the router over them. */
export interface Atlas {
  readonly cities: Store<{ '': City | number }>
  readonly index: Store<{ '': Ranked }>
  readonly countries: Store<{ '': Country }>
  readonly router: Router<{ 'cities/': City | number; 'by-country/': Ranked; 'countries/': Country; load: number }>
  /** Where the file of countries lies. */
  readonly countriesFile: string
  close(): Promise<void>
}

/** What the index makes of a city: cities of a country, largest first. */
export function rank({ key: id, value }: Entry): Entry<Ranked> | undefined {
  if (id === loadedKey) return undefined
  const { country, name, population } = value as City
  return { key: key(country, desc(population), id), value: { id, name, population } }
}

/**
 * Opens everything; loads the cities on the first start.
 *
 * @param signal ends that
 */
export async function openAtlas(
  { dataDir, lagMs }: Settings,
  progress: (done: number, all: number) => void,
  onEvent: EventListener,
  signal: AbortSignal,
): Promise<Atlas> {
  await makeFolder(dataDir)
  const countriesFile = join(dataDir, 'countries.json')
  await writeCountries(countriesFile)
  const closing: (() => unknown)[] = []
  const close = async (): Promise<void> => {
    for (const step of closing.splice(0).toReversed()) await step()
  }
  try {
    const countries = await openJsonStore<{ '': Country }>(countriesFile)
    closing.push(() => countries.close())
    const cities = await openLevelStore<{ '': City | number }>(join(dataDir, 'cities'), { name: 'cities' })
    closing.push(() => cities.close())
    await loadCities(cities, progress, signal)
    const ranks = await openLevelStore(join(dataDir, 'by-country'), { name: 'ranks' })
    closing.push(() => ranks.close())
    const index = createView(cities, {
      map: rank,
      definition: 'by-country-1',
      into: ranks,
      delayMs: lagMs,
      name: 'by-country',
    })
    closing.push(() => index.close())
    // On the first start it is made of all the cities; later it follows on from where it was.
    await index.fetch([], { timeoutMs: indexingMs, signal })
    const load = createVariable(0, { name: 'load' })
    const router = createRouter({ 'cities/': cities, 'by-country/': index, 'countries/': countries, load }, { onEvent })
    closing.push(() => router.close())
    // It ends before the router closes the variable: nobody may set what is closed.
    const sampling = setInterval(() => load.set(Math.round(((loadavg()[0] ?? 0) / cpus().length) * 100) / 100), 1000)
    closing.push(() => clearInterval(sampling))
    return { cities, index, countries, router, countriesFile, close }
  } catch (error) {
    await close()
    throw error
  }
}
