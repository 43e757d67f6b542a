import { type Change, FanlightError } from '@fanlight/core'

/**
 * What a program that knows nothing of stores makes of a file: it parses all, changes members of the root, and lays all out
 * anew.
 */
export function edited(text: string, changes: readonly Change[]): string {
  const parsed: unknown = JSON.parse(text)
  if (typeof parsed !== 'object' || parsed === null) throw new FanlightError('CORRUPT', 'the root must be an object')
  const members = new Map<string, unknown>(Object.entries(parsed))
  for (const { key, value, gone } of changes) {
    if (gone === true) members.delete(key)
    else members.set(key, value)
  }
  return rendered(members)
}

/** An object as text. An object of JavaScript could not have a member `__proto__`, nor keep `2` behind `10`. */
export function rendered(members: Iterable<readonly [string, unknown]>): string {
  const lines = [...members].map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`)
  return lines.length === 0 ? '{}\n' : `{\n${lines.join(',\n')}\n}\n`
}
