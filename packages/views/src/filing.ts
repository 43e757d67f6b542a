import { type Entry, key as keyOf, parts } from '@fanlight/core'
import type { Span } from '@fanlight/core/kit'
import type { Area } from './shelf.ts'

/**
 * How a shelf stands in a store, whatever the store asks of keys and values: a key is made of its area and one part, so that it
 * is in order, and may be that of a document; a value is a member of an object.
 */
export function filedKey(area: Area, key: string): string {
  return `${area}/${keyOf(key)}`
}

/** A span of an area. */
export function filedSpan(area: Area, span: Span): Span {
  // After `/` comes `0`: no key of the area is behind that.
  const hi = span.hi === undefined ? `${area}0` : filedKey(area, span.hi)
  return { ...span, lo: filedKey(area, span.lo), hi }
}

export function filedValue(value: unknown): unknown {
  return { is: value }
}

/** The key of an area, without the area. */
export function unfiledKey(filed: string): string {
  return String(parts(filed)[1])
}

export function unfiledEntry({ key, value }: Entry): Entry {
  return { key: unfiledKey(key), value: (value as { readonly is: unknown }).is }
}
