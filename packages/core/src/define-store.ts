import { type Clock, systemClock } from './ambient.ts'
import { readCommit } from './commit-request.ts'
import { DefinedStore } from './defined-store.ts'
import type { Driver, DriverReading, DriverStop, Pushed } from './driver.ts'
import { FanlightError, isFanlightError } from './errors.ts'
import { type Limits, checkLimits, historyBounds } from './limits.ts'
import type { Beginning, TreeStoreOptions } from './memory/tree-store.ts'
import { everything } from './ranges.ts'
import type { Store, Types } from './store.ts'

/**
 * Makes a store of a driver: it listens first, then reads everything once, and keeps a copy in memory, with the history of
 * a lease. It adds all that a driver does not have: checks, waiting, windows, `changes`, feeds, conditions and idempotence
 * (L0 to L9, as far as the driver tells the truth in order). A source that is larger than memory implements `Store` itself.
 *
 * @param driver  reads, listens, and perhaps writes
 * @param options name (default the driver's), history (default 'lease'), limits (`timeoutMs`, default 30,000, also ends the
 *   opening), clock, random, onEvent
 * @throws BAD_QUERY where the driver is none, or an option out of its range; UNAVAILABLE where the driver could not listen or read; STALLED where that took too long; BAD_KEY, BAD_VALUE where
 *   it read what is no data
 *
 * @example
 * ```ts
 * import { defineStore, get } from '@fanlight/core'
 *
 * const store = await defineStore({
 *   name: 'greeting',
 *   read: () => ({ entries: [{ key: 'hello', value: 'world' }] }),
 *   listen: () => () => undefined,
 * })
 * console.log(await get(store, 'hello')) // world
 * await store.close()
 * ```
 */
export async function defineStore<T extends Types = { '': unknown }>(
  driver: Driver,
  options: TreeStoreOptions = {},
): Promise<Store<T>> {
  checkDriver(driver)
  const limits = checkLimits(options.limits)
  historyBounds(options.history)
  const opening = new Opening<T>()
  try {
    const reading = await inTime(opening.begin(driver), driver.name, limits.timeoutMs, options.clock ?? systemClock)
    const beginning = checkReading(reading, driver, limits)
    const store = new DefinedStore<T>(
      driver,
      { ...options, history: options.history ?? 'lease' },
      beginning,
      opening.stop,
    )
    opening.end(store, beginning.version)
    return store
  } catch (error) {
    await opening.cancel()
    if (isFanlightError(error)) throw error
    const message = `${driver.name} could not be read: see the cause`
    throw new FanlightError('UNAVAILABLE', message, { store: driver.name, cause: error })
  }
}

/** @throws BAD_QUERY, which says what is missing */
function checkDriver(driver: Driver): void {
  const wrong = wrongIn(driver)
  if (wrong === undefined) return
  throw new FanlightError('BAD_QUERY', `a driver is { name, read, listen, write? }: ${wrong}`)
}

function wrongIn(driver: Driver | null | undefined): string | undefined {
  if (typeof driver !== 'object' || driver === null) return `not ${String(driver)}`
  if (typeof driver.name !== 'string') return '`name` must be a string'
  for (const part of ['read', 'listen'] as const)
    if (typeof driver[part] !== 'function') return `\`${part}\` is missing`
  for (const part of ['write', 'writeMany', 'check'] as const) {
    if (driver[part] !== undefined && typeof driver[part] !== 'function') return `\`${part}\` must be a function`
  }
  return undefined
}

/** What a driver tells before its store is there, and what is to be stopped where that never comes to be. */
class Opening<T extends Types> {
  #store: DefinedStore<T> | undefined
  #early: ((store: DefinedStore<T>) => void)[] = []
  #version = 0
  #stop: DriverStop | undefined
  #cancelled = false

  /** Ends what `listen` began. */
  readonly stop: DriverStop = () => this.#stop?.()

  async begin(driver: Driver): Promise<DriverReading> {
    const stop = await driver.listen(
      (pushed) => this.#push(pushed),
      (why) => this.#tell((store) => store.fail(why)),
    )
    if (this.#cancelled) {
      // Who waited has gone: the driver must not go on listening for nobody.
      await stop()
      return { entries: [] }
    }
    this.#stop = stop
    return driver.read([everything])
  }

  /** The store is there: what was told meanwhile is taken in, as far as the reading does not hold it. */
  end(store: DefinedStore<T>, version: number): void {
    this.#store = store
    this.#version = version
    for (const tell of this.#early.splice(0)) tell(store)
  }

  async cancel(): Promise<void> {
    this.#cancelled = true
    this.#early = []
    try {
      await this.#stop?.()
    } catch {
      // Why the store did not open is told, not what failed in its wake.
    }
  }

  #push(pushed: Pushed): void {
    if (this.#store !== undefined) return this.#store.push(pushed)
    this.#tell((store) => {
      if ((pushed.version ?? Infinity) <= this.#version) return
      try {
        store.push(pushed)
      } catch (error) {
        store.fail(error)
      }
    })
  }

  #tell(tell: (store: DefinedStore<T>) => void): void {
    if (this.#store !== undefined) tell(this.#store)
    else if (!this.#cancelled) this.#early.push(tell)
  }
}

/** What was read, checked as a commit is. */
function checkReading({ version = 0, entries }: DriverReading, driver: Driver, limits: Limits): Beginning {
  if (!Number.isSafeInteger(version) || version < 0) {
    throw new FanlightError(
      'BAD_QUERY',
      `${driver.name} read version ${version}: a version is a whole number from 0 up`,
    )
  }
  const changes = entries.map(({ key, value }) => ({ key, value }))
  const checked = readCommit(changes, undefined, limits, (point) => point)
  const other = driver.single === true ? checked.changes.find(({ key }) => key !== '') : undefined
  if (other !== undefined) {
    const message = `${driver.name} holds one value, at the key '': it read ${JSON.stringify(other.key)}`
    throw new FanlightError('BAD_KEY', message, { store: driver.name, keys: [other.key] })
  }
  return { version, entries: checked.changes.map(({ key, value }) => ({ key, value })) }
}

/** What the work gives, or STALLED when the time is over. */
async function inTime<R>(work: Promise<R>, name: string, timeoutMs: number, clock: Clock): Promise<R> {
  if (timeoutMs === Infinity) return work
  let cancel: (() => void) | undefined
  const late = new Promise<never>((_, reject) => {
    cancel = clock.after(timeoutMs, () => {
      const message = `${name} did not open within ${timeoutMs} ms: see to its driver, or raise limits.timeoutMs`
      reject(new FanlightError('STALLED', message, { store: name }))
    })
  })
  try {
    return await Promise.race([work, late])
  } finally {
    cancel?.()
  }
}
