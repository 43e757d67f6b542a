/**
 * Hands a value over. In production nothing is done to it.
 *
 * @internal
 */
export function freeze<T>(value: T): T {
  return value
}
