/** A value that is there, or will be: what is in memory is handed on in the same turn. */
export type Soon<T> = T | Promise<T>

/** Goes on with a value: at once where it is there. */
export function soon<T, R>(value: Soon<T>, go: (value: T) => Soon<R>): Soon<R> {
  return value instanceof Promise ? value.then(go) : go(value)
}

/** All of several values: at once where all are there. */
export function all<T>(values: readonly Soon<T>[]): Soon<readonly T[]> {
  return values.some((value) => value instanceof Promise) ? Promise.all(values) : (values as readonly T[])
}
