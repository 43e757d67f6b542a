import { FanlightError, key as keyOf, parts } from '@fanlight/core'

/** The names of members on the way from the root to a value. */
export type Path = readonly string[]

/**
 * The key of a value: at a depth of 1 the name of its member, as it is; deeper, the names as parts of a key.
 *
 * @throws BAD_KEY where a name is no well-formed text
 */
export function keyAt(path: Path, depth: number): string {
  return depth === 1 ? (path[0] ?? '') : keyOf(...path)
}

/**
 * The way to the value of a key.
 *
 * @throws BAD_KEY where no member can stand there
 */
export function pathAt(key: string, depth: number): Path {
  if (depth === 1) return [key]
  const path = parts(key).filter((part) => typeof part === 'string')
  if (path.length > 0 && path.length <= depth && keyOf(...path) === key) return path
  const message = `with depth ${depth} a key is key(...names) of 1 to ${depth} names of members: not ${JSON.stringify(key)}`
  throw new FanlightError('BAD_KEY', message, { keys: [key] })
}
