import type { Change, Query, Range } from '@fanlight/core'
import type { Chance } from './chance.ts'

const letters = ['', 'a', 'b', 'ab', 'b/', '__proto__', 'é', '\uffff', '😀', 'z\0']

/** A key of a small world, so that commits meet; some of them are nasty. */
export function someKey(chance: Chance): string {
  return chance.happens(0.8) ? `k${chance.below(24)}` : chance.pick(letters)
}

/** One to four changes of different keys. */
export function someChanges(chance: Chance, stamp: number): Change[] {
  const changes = new Map<string, Change>()
  for (let i = 1 + chance.below(4); i > 0; i--) {
    const key = someKey(chance)
    changes.set(key, chance.happens(0.25) ? { key, gone: true } : { key, value: stamp * 10 + i })
  }
  return [...changes.values()]
}

/** A query below one of several prefixes: a key, a range, or a few of them. */
export function someQuery(chance: Chance, prefixes: readonly string[]): Query {
  const one = (): string | Range => {
    const prefix = chance.pick(prefixes)
    if (chance.happens(0.25)) return prefix + someKey(chance)
    if (chance.happens(0.2)) return {}
    const [low, high] = [prefix + someKey(chance), prefix + someKey(chance)]
    return {
      [chance.happens(0.5) ? 'gte' : 'gt']: low < high ? low : high,
      ...(chance.happens(0.8) ? { [chance.happens(0.5) ? 'lt' : 'lte']: low < high ? high : low } : {}),
      ...(chance.happens(0.3) ? { limit: chance.below(5) } : {}),
      ...(chance.happens(0.3) ? { reverse: true } : {}),
    }
  }
  return chance.happens(0.5) ? one() : Array.from({ length: chance.below(4) }, one)
}
