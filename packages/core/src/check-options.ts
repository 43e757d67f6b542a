import { FanlightError } from './errors.ts'

/**
 * What an option may be, where it is given: a number from 0 up (milliseconds, bytes), a whole number from 0 up (a count),
 * something to call, or one of some words. A number may be Infinity.
 */
export type OptionRule = 'amount' | 'count' | 'function' | readonly unknown[]

/**
 * Checks that options are in their ranges. What has no rule is not looked at.
 *
 * @param where what stands in front of their names in the message: `limits.`
 * @throws BAD_QUERY
 */
export function checkOptions(options: unknown, rules: Readonly<Record<string, OptionRule>>, where: string = ''): void {
  if (options === undefined) return
  if (typeof options !== 'object' || options === null) {
    throw new FanlightError(
      'BAD_QUERY',
      `${where === '' ? 'options' : where.slice(0, -1)} must be an object of options`,
    )
  }
  for (const name in rules) {
    const value = (options as Readonly<Record<string, unknown>>)[name]
    if (value !== undefined) checkOption(where + name, value, rules[name] as OptionRule)
  }
}

/**
 * Checks that one option is in its range.
 *
 * @throws BAD_QUERY
 */
export function checkOption(name: string, value: unknown, rule: OptionRule): void {
  if (fits(value, rule)) return
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value)
  throw new FanlightError('BAD_QUERY', `${name} must be ${described(rule)}, not ${shown}`)
}

function fits(value: unknown, rule: OptionRule): boolean {
  if (typeof rule === 'object') return rule.includes(value)
  if (rule === 'function') return typeof value === 'function'
  // NaN is neither.
  if (typeof value !== 'number' || !(value >= 0)) return false
  return rule === 'amount' || value === Infinity || Number.isSafeInteger(value)
}

function described(rule: OptionRule): string {
  if (typeof rule === 'object') return `one of ${rule.map((word) => JSON.stringify(word)).join(', ')}`
  if (rule === 'function') return 'a function'
  return rule === 'count' ? 'a whole number from 0 up' : 'a number from 0 up'
}
