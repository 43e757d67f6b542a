import { everything, type Feed, type Store, type Update, type Versions } from '@fanlight/core'
import { Holder } from '@fanlight/core/conformance'

/** Someone who follows everything, and checks each update: what was committed together is seen together. */
export interface Watcher {
  /** What it holds. */
  readonly state: ReadonlyMap<string, unknown>
  /** The point it is at. */
  readonly versions: Versions
  /** How many updates it took. */
  readonly updates: number
  /** How many of them replaced what it held. */
  readonly replaces: number
  close(): Promise<void>
}

/**
 * Follows a store, in which keys `aN` and `bN` are always committed together.
 *
 * @param heard is told of each update; what it throws ends it, and is thrown by `close`
 */
export function follow(store: Store, heard: (update: Update) => void = () => undefined): Watcher {
  const feed: Feed = store.watch(everything)
  const holder = new Holder(everything)
  let [updates, replaces] = [0, 0]
  const took = (update: Update): void => {
    const { versions: before } = holder
    updates++
    if (update.replace !== undefined) replaces++
    for (const source in update.versions) {
      const version = before?.[source]
      const isNew = version === undefined || version < (update.versions[source] ?? 0) || update.replace !== undefined
      if (!isNew) throw new Error(`version ${version} was seen twice`)
    }
    holder.apply(update)
    checkPairs(holder.state)
    heard(update)
  }
  const run = async (): Promise<void> => {
    for await (const update of feed) took(update)
  }
  const running = run()
  running.catch(() => undefined)
  return {
    get state() {
      return holder.state
    },
    get versions() {
      return holder.versions === undefined ? {} : { ...holder.versions, ...feed.versions }
    },
    get updates() {
      return updates
    },
    get replaces() {
      return replaces
    },
    close: async () => {
      await feed.close()
      await running
    },
  }
}

/** @throws Error where one of two keys that are always committed together shows something else than the other (L4) */
export function checkPairs(state: ReadonlyMap<string, unknown>): void {
  for (const [key, value] of state) {
    if (!key.startsWith('a')) continue
    const other = state.get(`b${key.slice(1)}`)
    if (other !== value) throw new Error(`L4: ${key} is ${String(value)}, and its other half ${String(other)}`)
  }
}

/** All that a store shows. */
export async function stateOf(store: Store): Promise<Map<string, unknown>> {
  const { entries } = await store.fetch(everything)
  return new Map(entries.map(({ key, value }) => [key, value]))
}
