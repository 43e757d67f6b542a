/** A value that is there, or will be: what is in memory is handed on in the same turn. */
export type Soon<T> = T | Promise<T>

/** Goes on with a value: at once where it is there; `failed` hears of one that will never be. */
export function soon<T, R>(value: Soon<T>, go: (value: T) => Soon<R>, failed?: (error: unknown) => Soon<R>): Soon<R> {
  return value instanceof Promise ? value.then(go, failed) : go(value)
}

/** A promise of what `work` gives, on one promise level; what it throws rejects. */
export function promised<R>(work: () => Soon<R>): Promise<R> {
  try {
    return Promise.resolve(work())
  } catch (error) {
    return Promise.reject(error)
  }
}

/** Does some work, at once or not, and hands on what it throws. */
export function rescued<R>(work: () => Soon<R>, rescue: (error: unknown) => Soon<R>): Soon<R> {
  try {
    const done = work()
    return done instanceof Promise ? done.catch(rescue) : done
  } catch (error) {
    return rescue(error)
  }
}

/** All of several values: at once where all are there. */
export function all<T>(values: readonly Soon<T>[]): Soon<readonly T[]> {
  return values.some((value) => value instanceof Promise) ? Promise.all(values) : (values as readonly T[])
}
