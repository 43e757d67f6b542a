/**
 * Something that behaves as it did, but for some of its members: a store that fails, counts, or takes its time.
 *
 * @param members what it has instead; one that is undefined is not there at all. `'~atHand': undefined` has a store answer with
 *   promises only
 *
 * @example
 * ```ts
 * import { createMemoryStore } from '@fanlight/core'
 * import { altered } from '@fanlight/core/testing'
 *
 * const broken = altered(createMemoryStore(), { commit: () => Promise.reject(new Error('the disk is full')) })
 * await broken.commit([]).catch((error) => console.log(error.message)) // the disk is full
 * ```
 */
export function altered<T extends object>(one: T, members: Readonly<Record<string, unknown>>): T {
  return new Proxy(one, {
    has: (target, name) => (name in members ? members[String(name)] !== undefined : name in target),
    get(target, name) {
      if (name in members) return members[String(name)]
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  })
}
