import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import {
  type Entry,
  type EventListener,
  type Router,
  type Store,
  type StoreEvent,
  type Variable,
  createRouter,
  createVariable,
  createView,
  desc,
  key,
  prefix,
  readonly,
} from 'fanlight'
import { openJsonStore } from '@fanlight/store-json'
import { openLevelStore } from '@fanlight/store-level'
import { type City, loadCities, loadedKey } from './cities.ts'
import { type Country, writeCountries } from './countries.ts'
import { Delay } from './delay.ts'
import { makeFolder } from './folder.ts'
import { KnobBoard } from './knobs.ts'
import { type Place, place, unprefixed } from './places.ts'
import type { Settings } from './settings.ts'
import type { Visit, Visited } from './visits/visit.ts'
import type { VisitsState } from './visits/visits.ts'

/** What the index says of a city: its key holds the country and the rank. */
export interface Ranked {
  readonly id: string
  readonly name: string
  readonly population: number
}

/** How the process does that owns the data. */
export interface Status {
  /** How often an answer of the router had to wait, ever. */
  readonly waits: number
  /** Where the file of countries lies. */
  readonly countriesFile: string
  /** How it is with MongoDB, and where it is. */
  readonly visits: VisitsState
  readonly visitsUri: string
}

/** How long making a view may take, in milliseconds. */
const viewMs = 10 * 60_000

/**
 * How much of the past the stores of the views keep. A key that holds a population is deleted where that changes, and while the
 * delete is kept, whoever reads the largest cities passes it: with a long past there are thousands of them.
 */
const history = { commits: 2000 }

/** What is mounted where: `mongo/` and `visited/` come where there is a mongod, when it is ready. */
export interface AtlasTypes {
  readonly 'cities/': City | number
  readonly 'by-country/': Ranked
  readonly 'places/': Place
  readonly 'largest/': Place
  readonly 'countries/': Country
  readonly 'settings/rate': number
  readonly 'settings/lagMs': number
  readonly 'settings/frozen': boolean
  readonly 'settings/country': string
  readonly load: number
  readonly status: Status
  readonly 'mongo/visits/': Visit
  readonly 'visited/': Visited
}

/** The router over all of it. */
export type App = Router<AtlasTypes>

/** The sources, and the router over them. */
export interface Atlas {
  readonly cities: Store<{ '': City | number }>
  readonly index: Store<{ '': Ranked }>
  readonly countries: Store<{ '': Country }>
  readonly knobs: KnobBoard
  readonly status: Variable<Status>
  readonly router: App
  /** Where the file of countries lies. */
  readonly countriesFile: string
  close(): Promise<void>
}

/** Whether an answer had to wait for the index. What follows MongoDB waits too, at times, and is not what is compared. */
export function isWait({ type, source = '' }: StoreEvent): boolean {
  return type === 'stall' && !source.startsWith('mongo@')
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
  settings: Settings,
  progress: (done: number, all: number) => void,
  onEvent: EventListener,
  signal: AbortSignal,
): Promise<Atlas> {
  const { dataDir } = settings
  await makeFolder(dataDir)
  const countriesFile = join(dataDir, 'countries.json')
  await writeCountries(countriesFile)
  const closing: (() => unknown)[] = []
  /** Whatever is opened is closed, the last first. */
  const closes = <S extends { close(): unknown }>(one: S): S => {
    closing.push(() => one.close())
    return one
  }
  const close = async (): Promise<void> => {
    for (const step of closing.splice(0).toReversed()) await step()
  }
  try {
    const countries = closes(await openJsonStore<{ '': Country }>(countriesFile))
    const cities = closes(await openLevelStore<{ '': City | number }>(join(dataDir, 'cities'), { name: 'cities' }))
    await loadCities(cities, settings.cities, progress, signal)
    const knobs = closes(new KnobBoard(settings))
    await knobs.open()
    const late = closes(new Delay(readonly(cities), () => ({ lagMs: knobs.now.lagMs, isFrozen: knobs.now.frozen })))
    const ranks = closes(await openLevelStore(join(dataDir, 'by-country'), { name: 'ranks', history }))
    const definition = 'by-country-1'
    const index = closes(createView(late.store, { map: rank, definition, into: ranks, name: 'by-country' }))
    const spots = closes(await openLevelStore(join(dataDir, 'places'), { name: 'spots', history }))
    const places = closes(createView(cities, { map: place, definition: 'places-3', into: spots, name: 'places' }))
    // In memory, where the first 2,000 are read at no cost again and again.
    const query = prefix('largest/')
    const largest = closes(createView(places, { query, map: unprefixed, name: 'largest' }))
    // On the first start they are made of all the cities; later they follow on from where they were.
    await Promise.all([index.fetch([], { timeoutMs: viewMs, signal }), places.fetch([], { timeoutMs: viewMs, signal })])
    const load = createVariable(0, { name: 'load' })
    const first: Status = { waits: 0, countriesFile, visits: 'none', visitsUri: '' }
    const status = createVariable(first, { name: 'status' })
    // Whoever is connected may turn knobs and edit countries, and nothing else.
    const mounts = {
      'cities/': readonly(cities),
      'by-country/': index,
      'places/': places,
      'largest/': largest,
      'countries/': countries,
      'settings/': knobs.store,
      load: readonly(load),
      status: readonly(status),
    }
    // Its types know what may come later, too.
    const router = closes(createRouter(mounts, { onEvent }) as Router as App)
    // It ends before the router closes the variable: nobody may set what is closed.
    const sampling = setInterval(() => load.set(Math.round(((loadavg()[0] ?? 0) / cpus().length) * 100) / 100), 1000)
    closing.push(() => clearInterval(sampling))
    return { cities, index, countries, knobs, status, router, countriesFile, close }
  } catch (error) {
    await close()
    throw error
  }
}
