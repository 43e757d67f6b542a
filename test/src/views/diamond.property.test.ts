import type { State } from '@fanlight/core/conformance'
import { type MapFunction, createView } from '@fanlight/views'
import * as fc from 'fast-check'
import { diamonds } from './diamonds.ts'

/** Where each value is, which inputs fight for, and how often: collisions, re-keying, one to many, and filtering. */
const byValue: MapFunction = ({ key, value }) => {
  if (value === 0) return undefined
  return [
    { key: `first/${String(value)}`, value: key },
    { key: `by/${String(value)}/${key}`, value },
  ]
}

function naive(state: State): State {
  const made = new Map<string, unknown>()
  for (const [key, value] of [...state].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const one of (byValue({ key, value }) ?? []) as { key: string; value: unknown }[])
      if (!made.has(one.key)) made.set(one.key, one.value)
  }
  return made
}

diamonds('map', {
  make: (upstream, options) => createView(upstream, { map: byValue, ...options }),
  naive,
  values: fc.constantFrom(0, 1, 2),
})
