import { compareKeys, createMemoryStore, createVariable, type Store } from '@fanlight/core'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Mount, readMount } from './mount.ts'
import { MountTable } from './mount-table.ts'
import { changedSpans, Table } from './table.ts'

const many = createMemoryStore() as Store
const other = createMemoryStore() as Store
const single = createVariable<unknown>(1) as unknown as Store

const segment = fc.constantFrom('a', 'b', '', 'a0', '😀', '\uffff', 'ab')

/** Prefixes that nest, touch and miss each other. */
const prefix = fc.array(segment, { maxLength: 3 }).map((segments) => segments.map((one) => `${one}/`).join(''))

/** Mounts, each prefix once; those at one key among them. */
const mounts: fc.Arbitrary<Mount[]> = fc
  .uniqueArray(fc.tuple(prefix, fc.constantFrom('', 'a', 'x\uffff'), fc.boolean()), {
    maxLength: 12,
    selector: ([at, exact]) => at + exact,
  })
  .map((list) =>
    list.map(([at, exact, which]) => readMount(at + exact, exact === '' ? (which ? many : other) : single, 0)),
  )

const key = fc
  .tuple(prefix, fc.constantFrom('', 'a', 'a\0', 'x\uffff', 'b', '0', '😀', '/'))
  .map(([at, rest]) => at + rest)

/** The mount of a key, found in the slow and obvious way. */
function longest(list: readonly Mount[], at: string): Mount | undefined {
  const around = list.filter(({ prefix: start, exact }) => (exact ? at === start : at.startsWith(start)))
  return around.sort((a, b) => b.prefix.length - a.prefix.length)[0]
}

describe('the table of mounts', () => {
  test('a key belongs to the mount with the longest prefix', () => {
    fc.assert(
      fc.property(mounts, key, (list, at) => {
        expect(new Table(0, list, 0).find(at)).toBe(longest(list, at))
      }),
    )
  })

  test('the pieces of a span cover it without gaps, each key in the piece of its mount', () => {
    fc.assert(
      fc.property(mounts, key, fc.option(key, { nil: undefined }), fc.array(key), (list, a, b, keys) => {
        const [lo = '', hi] = b === undefined ? [a] : [a, b].sort(compareKeys)
        if (lo === hi) return
        const pieces = new Table(0, list, 0).pieces(lo, hi)
        expect(pieces[0]?.lo).toBe(lo)
        expect(pieces.at(-1)?.hi).toBe(hi)
        for (const [i, piece] of pieces.entries()) {
          if (i > 0) expect(piece.lo).toBe(pieces[i - 1]?.hi)
          if (piece.hi !== undefined) expect(compareKeys(piece.lo, piece.hi)).toBeLessThan(0)
          expect(piece.mount).toBe(longest(list, piece.lo))
        }
        for (const at of keys) {
          const inside = pieces.filter(
            (piece) => compareKeys(at, piece.lo) >= 0 && (piece.hi === undefined || compareKeys(at, piece.hi) < 0),
          )
          const asked = compareKeys(at, lo) >= 0 && (hi === undefined || compareKeys(at, hi) < 0)
          expect(inside.length).toBe(asked ? 1 : 0)
          if (asked) expect(inside[0]?.mount).toBe(longest(list, at))
        }
      }),
    )
  })

  test('the changed spans of two tables hold just the keys whose mount changed', () => {
    fc.assert(
      fc.property(mounts, mounts, fc.array(key, { minLength: 5 }), (before, after, keys) => {
        const all = [{ lo: '', hi: undefined, limit: Infinity, reverse: false }]
        const spans = changedSpans(new Table(0, before, 0), new Table(1, after, 0), all)
        for (const at of keys) {
          const [old, now] = [longest(before, at), longest(after, at)]
          const changed = old?.store !== now?.store || old?.prefix !== now?.prefix
          const inside = spans.some(
            ({ lo, hi }) => compareKeys(at, lo) >= 0 && (hi === undefined || compareKeys(at, hi) < 0),
          )
          expect(inside).toBe(changed)
        }
      }),
    )
  })

  test('since says no version at which a key of the mount belonged to another', () => {
    const change = fc.record({ at: prefix, store: fc.constantFrom(many, other, undefined) })
    fc.assert(
      fc.property(
        mounts,
        fc.array(change, { maxLength: 6 }),
        fc.array(key, { minLength: 3 }),
        (first, changes, keys) => {
          const table = new MountTable('t', first, 100)
          const versions = [0]
          for (const { at, store } of changes) {
            if (store === undefined && table.current.at(at) === undefined) continue
            table.enter(table.changed({ [at]: store }), () => undefined)
            versions.push(table.current.version)
          }
          const { current } = table
          for (const at of keys) {
            const mount = current.find(at)
            const since = mount?.since ?? current.bareSince
            for (const version of versions) {
              const old = table.at(version)?.find(at)
              if (version >= since) expect([old?.store, old?.prefix]).toEqual([mount?.store, mount?.prefix])
            }
          }
        },
      ),
    )
  })
})
