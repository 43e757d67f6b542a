/** Lets one at a time do something with a key, in the order in which they came. */
export class KeyLocks {
  readonly #last = new Map<string, Promise<unknown>>()

  /** Runs when everyone is done who came before with one of these keys. */
  hold<R>(keys: readonly string[], work: () => Promise<R>): Promise<R> {
    const before = keys.flatMap((key) => this.#last.get(key) ?? [])
    const done = before.length === 0 ? work() : Promise.all(before).then(work)
    const ended = done.then(ignore, ignore)
    for (const key of keys) this.#last.set(key, ended)
    void ended.then(() => {
      for (const key of keys) if (this.#last.get(key) === ended) this.#last.delete(key)
    })
    return done
  }
}

function ignore(): void {
  // How it ended is for whoever began it.
}
