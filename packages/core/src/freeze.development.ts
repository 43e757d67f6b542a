/**
 * Hands a value over: with the `development` export condition it is frozen, so that whoever changes it later finds out.
 *
 * @internal
 */
export function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value)) return value
  for (const member of Object.values(value)) freeze(member)
  return Object.freeze(value)
}
