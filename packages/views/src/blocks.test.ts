import { compareKeys } from '@fanlight/core/kit'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Blocks } from './blocks.ts'

const key = fc.constantFrom(...Array.from({ length: 30 }, (_, i) => String(i).padStart(2, '0')), '😀', '\uffff')

const step = fc.oneof(
  fc.record({ add: fc.uniqueArray(key, { maxLength: 12, size: 'max' }) }),
  fc.record({ take: key }),
  fc.record({ scan: fc.record({ lo: key, hi: fc.option(key, { nil: undefined }), reverse: fc.boolean() }) }),
)

test('blocks hold what a sorted map holds, wherever they lie', () => {
  let [whole, refused] = [0, 0]
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30, size: 'max' }), (steps) => {
      const blocks = new Blocks()
      const model = new Map<string, number>()
      let n = 0
      for (const one of steps) {
        if ('add' in one) {
          const keys = one.add.filter((name) => !model.has(name)).sort(compareKeys)
          const values = keys.map(() => n++)
          if (blocks.add({ keys, valueAt: (i) => values[i] })) {
            keys.forEach((name, i) => model.set(name, values[i] ?? 0))
            whole++
          } else refused++
        } else if ('take' in one) {
          expect(blocks.take(one.take)).toBe(model.get(one.take))
          model.delete(one.take)
        } else {
          const { lo, hi, reverse } = one.scan
          const found = [...model]
            .filter(([name]) => compareKeys(name, lo) >= 0 && (hi === undefined || compareKeys(name, hi) < 0))
            .sort(([a], [b]) => (reverse ? -1 : 1) * compareKeys(a, b))
          expect([...blocks.scan({ lo, hi, reverse, limit: Infinity })]).toEqual(found)
        }
        for (const [name, value] of model) expect(blocks.get(name)).toBe(value)
      }
    }),
  )
  expect(whole).toBeGreaterThan(100)
  expect(refused).toBeGreaterThan(10)
})
