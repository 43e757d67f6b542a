import type { Feed, Query, Update, Versions } from '../store.ts'
import { reaches } from '../versions.ts'
import { ensure, show } from './check.ts'
import type { Bench } from './bench.ts'
import { Holder, type HolderStart } from './holder.ts'

/** A feed with a holder of it: every step is checked against the model. */
export class Follower {
  readonly feed: Feed
  readonly holder: Holder
  readonly #bench: Bench

  constructor(bench: Bench, feed: Feed, query: Query, start?: HolderStart) {
    this.#bench = bench
    this.feed = feed
    this.holder = new Holder(query, start)
  }

  /** Takes once, applies and checks (L6). */
  async take(to?: Versions): Promise<Update | undefined> {
    const update = await this.feed.take(to)
    this.accept(update, to)
    this.holder.check(this.#bench.model)
    return update
  }

  /** Takes until the feed holds what was written last, and nothing is left to take. Gives the updates. */
  async catchUp(): Promise<readonly Update[]> {
    const updates: Update[] = []
    await this.#bench.settle()
    for (let i = 0; i < 1_000; i++) {
      const update = await this.take()
      const latest = this.within(this.#bench.latest)
      if (update !== undefined) updates.push(update)
      else if (reaches(this.feed.versions, latest)) return updates
      else await this.#bench.until(() => reaches(this.feed.reached, latest), `reached ${show(latest)} of a feed`)
    }
    throw new Error('L9: a feed gives updates without end')
  }

  /** A point, in the sources that are followed: a feed of a router does not know those of mounts that it does not touch. */
  within(point: Versions): Versions {
    const { reached } = this.feed
    return Object.fromEntries(Object.entries(point).filter(([source]) => source in reached))
  }

  /** Applies what was taken, and checks that it went where it should. */
  accept(update: Update | undefined, to?: Versions): void {
    const { holder, feed } = this
    if (update === undefined) {
      if (holder.versions === undefined) throw new Error('L7: the first take of a feed gave nothing')
      holder.moved(to === undefined ? feed.versions : { ...feed.versions, ...this.within(to) })
      return
    }
    for (const [source, version] of Object.entries(to ?? {})) {
      if (source in update.versions) {
        ensure(update.versions[source] === version, () => `L6: take(${show(to)}) went to ${show(update.versions)}`)
      }
    }
    const { versions: before } = holder
    if (before !== undefined && sameSources(before, update.versions)) {
      ensure(
        reaches(update.versions, before),
        () => `a feed went back from ${show(before)} to ${show(update.versions)}`,
      )
    }
    holder.apply(update)
  }
}

function sameSources(a: Versions, b: Versions): boolean {
  return Object.keys(a).every((source) => source in b)
}
