import { key, type Store } from '@fanlight/core'
import type { State } from '@fanlight/core/conformance'
import { createView, indexed, searchKey } from '@fanlight/views'
import * as fc from 'fast-check'
import { viewKindProperty } from './view-kind-property.ts'

interface Row {
  readonly name: string
  readonly tags: readonly string[]
  readonly n: number
}

const rows = fc.record<Row>({
  name: fc.constantFrom('Ann', 'ÄNN', 'Bo', '10', '1/0', ''),
  tags: fc.subarray(['x', 'y', 'z']),
  n: fc.constantFrom(-1, 0, 2, 10),
})

viewKindProperty('an index by two fields', {
  make: (upstream, options) =>
    createView(upstream as Store<{ '': Row }>, {
      map: (entry) => indexed(entry, searchKey(entry.value.name), entry.value.n),
      ...options,
    }),
  naive: (state) =>
    new Map(
      [...(state as ReadonlyMap<string, Row>)].map(([id, row]) => [
        key(row.name.toLowerCase().replace('ä', 'a'), row.n, id),
        row,
      ]),
    ),
  values: rows,
})

viewKindProperty('an index of each element of a field', {
  make: (upstream, options) =>
    createView(upstream as Store<{ '': Row }>, {
      map: (entry) => entry.value.tags.map((tag) => indexed(entry, tag)),
      ...options,
    }),
  naive: (state: State) =>
    new Map(
      [...(state as ReadonlyMap<string, Row>)].flatMap(([id, row]) =>
        row.tags.map((tag) => [key(tag, id), row] as const),
      ),
    ),
  values: rows,
})
