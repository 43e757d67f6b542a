import { type Entry, key as keyOf, parts } from '@fanlight/core'
import { checkValue, compareKeys, valuesEqual, type Soon, all, soon } from '@fanlight/core/kit'
import type { Yielded } from './mapping.ts'
import type { Reader, ShelfChange, ShelfWrite } from './shelf.ts'

/** For each input that changed what it yields now: nothing where it is gone. */
export type Inputs = ReadonlyMap<string, readonly Yielded[]>

/** What changed inputs come to. */
export interface Plan extends ShelfWrite {
  /** The keys of the view that have another value now, or came, or went. */
  readonly touched: readonly string[]
}

/** One key of the view, as it was, and as the inputs that did not change leave it. */
interface Place {
  /** undefined: there was no such key. */
  readonly owner: string | undefined
  readonly value: unknown
  /** As it stands on the shelf. */
  readonly by: string | undefined
  /** The least input that yields the key too and did not change: looked up only where the owner may have left. */
  next: Rival | undefined
}

/** An input, and what it yields at a key of the view. */
interface Rival {
  readonly input: string
  readonly value: unknown
  readonly bytes: number
}

/**
 * Finds out what is to be written where inputs changed. Where several inputs yield one key, the smallest input wins, in
 * whatever order they came: what the view shows depends on what its upstream holds, and on nothing else (L0).
 */
export function plan(reader: Reader, inputs: Inputs): Soon<Plan> {
  const keys = [...inputs.keys()]
  return soon(reader.values('in', keys), (lists) => {
    const before = new Map(keys.map((key, i) => [key, (lists[i] as readonly string[] | undefined) ?? []]))
    const outs = new Set<string>()
    for (const [input, yields] of inputs) {
      for (const key of before.get(input) ?? []) outs.add(key)
      for (const { key } of yields) outs.add(key)
    }
    return soon(lookUp(reader, [...outs], inputs, before), (places) => settle(inputs, before, places))
  })
}

function lookUp(
  reader: Reader,
  outs: readonly string[],
  inputs: Inputs,
  before: ReadonlyMap<string, readonly string[]>,
): Soon<ReadonlyMap<string, Place>> {
  return soon(reader.values('out', outs), (values) =>
    soon(reader.values('by', outs), (bys) => {
      const places = new Map<string, Place>()
      const left: string[] = []
      outs.forEach((out, i) => {
        const by = bys[i] as string | undefined
        const owner = values[i] === undefined ? undefined : (by ?? out)
        places.set(out, { owner, value: values[i], by, next: undefined })
        if (owner !== undefined && inputs.has(owner) && yieldOf(inputs, owner, out) === undefined) left.push(out)
      })
      return soon(lookUpRivals(reader, left, inputs, before, places), () => places)
    }),
  )
}

/** Where the owner left, the next one in line may take its place: the first that did not change itself. */
function lookUpRivals(
  reader: Reader,
  left: readonly string[],
  inputs: Inputs,
  before: ReadonlyMap<string, readonly string[]>,
  places: ReadonlyMap<string, Place>,
): Soon<void> {
  const changed = new Map<string, number>()
  for (const list of before.values()) for (const out of list) changed.set(out, (changed.get(out) ?? 0) + 1)
  const found = left.map((out) => {
    const limit = (changed.get(out) ?? 0) + 1
    const lo = `${keyOf(out)}/`
    return soon(reader.scan('also', { lo, hi: `${lo.slice(0, -1)}0`, limit, reverse: false }), (entries) => {
      const place = places.get(out)
      const first = entries.map(rivalOf).find(({ input }) => !inputs.has(input))
      if (place !== undefined) place.next = first
    })
  })
  return soon(all(found), () => undefined)
}

function rivalOf({ key, value }: Entry): Rival {
  return { input: parts(key)[1] as string, value, bytes: checkValue(value, Infinity) }
}

function yieldOf(inputs: Inputs, input: string, out: string): Yielded | undefined {
  return inputs.get(input)?.find(({ key }) => key === out)
}

function settle(
  inputs: Inputs,
  before: ReadonlyMap<string, readonly string[]>,
  places: ReadonlyMap<string, Place>,
): Plan {
  const changes: ShelfChange[] = []
  const touched: string[] = []
  const claims = new Map<string, Rival[]>()
  for (const [input, yields] of inputs) {
    const old = before.get(input) ?? []
    const now = yields.map(({ key }) => key)
    if (!sameList(old, now)) changes.push(put('in', input, now.length === 0 ? undefined : now))
    for (const { key, value, bytes } of yields) {
      const claim = { input, value, bytes }
      const others = claims.get(key)
      if (others === undefined) claims.set(key, [claim])
      else others.push(claim)
    }
  }
  const losers = new Map<string, string[]>()
  for (const [input, old] of before) {
    for (const out of old) if (places.get(out)?.owner !== input) losers.set(out, [...(losers.get(out) ?? []), input])
  }
  for (const [out, place] of places) {
    settlePlace(out, place, claims.get(out) ?? [], losers.get(out) ?? [], inputs, changes, touched)
  }
  return { changes, touched }
}

/** Decides who wins one key of the view, and what that changes. */
function settlePlace(
  out: string,
  { owner, value, by, next }: Place,
  claims: readonly Rival[],
  losersBefore: readonly string[],
  inputs: Inputs,
  changes: ShelfChange[],
  touched: string[],
): void {
  const stays = owner !== undefined && !inputs.has(owner) ? { input: owner, value, bytes: 0 } : undefined
  const winner = [stays, next, ...claims].reduce(smaller, undefined)
  const also = new Map<string, Rival | undefined>(losersBefore.map((input) => [input, undefined]))
  for (const claim of claims) if (claim !== winner) also.set(claim.input, claim)
  if (stays !== undefined && winner !== stays) also.set(stays.input, { ...stays, bytes: checkValue(value, Infinity) })
  if (next !== undefined && winner === next) also.set(next.input, undefined)
  for (const [input, rival] of also) {
    changes.push({ area: 'also', key: keyOf(out, input), value: rival?.value, bytes: rival?.bytes ?? 0 })
  }
  if (stays !== undefined && winner === stays) return
  const nowBy = winner === undefined || winner.input === out ? undefined : winner.input
  if (nowBy !== by) changes.push(put('by', out, nowBy))
  if (winner !== undefined && owner !== undefined && valuesEqual(winner.value, value)) return
  if (winner === undefined && owner === undefined) return
  changes.push({ area: 'out', key: out, value: winner?.value, bytes: winner?.bytes ?? 0 })
  touched.push(out)
}

function smaller(a: Rival | undefined, b: Rival | undefined): Rival | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return compareKeys(a.input, b.input) <= 0 ? a : b
}

function put(area: 'in' | 'by', key: string, value: string | readonly string[] | undefined): ShelfChange {
  return { area, key, value, bytes: value === undefined ? 0 : checkValue(value) }
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i])
}
