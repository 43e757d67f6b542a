import { compareCodePoints, type State } from '@fanlight/core/conformance'
import { type Store, desc, prefix } from '@fanlight/core'
import { type View, type ViewBasics, type Yield, createView } from '@fanlight/views'
import * as fc from 'fast-check'
import type { ViewKind } from './diamonds.ts'
import { viewKindProperty } from './view-kind-property.ts'

interface Row {
  readonly to: string
  readonly refs: readonly string[]
  readonly n: number
  readonly word: string
}

type Found = { readonly key: string; readonly value: Row }

const letters = ['a', 'b', 'c', '😀']

const rows = fc.record<Row>({
  to: fc.constantFrom(...letters),
  refs: fc.subarray(letters),
  n: fc.constantFrom(-1, 0, 1, 2, 10),
  word: fc.constantFrom('a', 'b', 'c', '�', '😀'),
})

/** The two spans that histories write into: the views of a diamond are given others. */
function spansOf({ query, ...options }: ViewBasics): {
  readonly left: 'left/' | 'l/'
  readonly right: 'right/' | 'r/'
  readonly options: Omit<ViewBasics, 'query'>
} {
  return query === undefined ? { left: 'l/', right: 'r/', options } : { left: 'left/', right: 'right/', options }
}

function over(upstream: Store): Store<{ '': Row }> {
  return upstream as Store<{ '': Row }>
}

/** The last letter of a key. */
function letterOf(key: string): string {
  return key.slice(key.indexOf('/') + 1)
}

/** All that is there, in key order. */
function all(state: State): Found[] {
  return [...(state as ReadonlyMap<string, Row>)]
    .map(([key, value]) => ({ key, value }))
    .sort((a, b) => compareCodePoints(a.key, b.key))
}

function isLeft({ key }: Found): boolean {
  return key.startsWith('l')
}

function isRight({ key }: Found): boolean {
  return key.startsWith('r')
}

function keysOf(found: readonly { readonly key: string }[]): string[] {
  return found.map(({ key }) => key)
}

viewKindProperty('a join that copies by key', {
  make: (upstream, given) => {
    const { left, right, options } = spansOf(given)
    return createView(over(upstream), {
      join: {
        each: prefix(left),
        with: { other: { from: prefix(right), on: ({ value }) => right + value.to } },
        to: ({ key, value }, { other }) => ({ key, value: { ...value, by: other[0]?.value ?? null } }),
      },
      ...options,
    })
  },
  naive: (state) =>
    new Map(
      all(state)
        .filter(isLeft)
        .map(({ key, value }) => {
          const right = key.startsWith('left/') ? 'right/' : 'r/'
          return [key, { ...value, by: state.get(right + value.to) ?? null }]
        }),
    ),
  values: rows,
  mixes: true,
})

viewKindProperty('a join that copies by a field, of which several yield one key', {
  make: (upstream, given) => {
    const { left, right, options } = spansOf(given)
    return createView(over(upstream), {
      join: {
        each: prefix(left),
        with: { other: { from: prefix(right), on: ({ value }) => value.to, equals: ({ value }) => value.word } },
        to: ({ key, value }, { other }): Yield[] =>
          other.flatMap((one) => [
            { key: `${key}/${one.key}`, value: value.n + one.value.n },
            ...(one === other[0] ? [{ key: `#${value.n}`, value: keysOf(other) }] : []),
          ]),
      },
      ...options,
    })
  },
  naive: (state) => {
    const shown = new Map<string, unknown>()
    for (const { key, value } of all(state).filter(isLeft)) {
      const others = all(state).filter((one) => isRight(one) && one.value.word === value.to)
      for (const one of others) shown.set(`${key}/${one.key}`, value.n + one.value.n)
      if (others.length > 0 && !shown.has(`#${value.n}`)) shown.set(`#${value.n}`, keysOf(others))
    }
    return shown
  },
  values: rows,
  mixes: true,
})

/** How a join is worked out that keeps nothing. */
function onDemand(
  { into: _into, history: _history, delayMs: _delayMs, pageSize: _pageSize, ...options }: Omit<ViewBasics, 'query'>,
  mode: 'passthrough' | 'lazy',
): Omit<ViewBasics, 'query'> & { readonly mode: 'passthrough' | 'lazy' } {
  return { ...options, mode }
}

const collecting = (mode?: 'passthrough' | 'lazy'): ViewKind => ({
  make: (upstream, given) => {
    const { left, right, options: rest } = spansOf(given)
    const options = mode === undefined ? rest : onDemand(rest, mode)
    return createView(over(upstream), {
      join: {
        each: prefix(right),
        with: { others: { from: prefix(left), on: ({ key }) => letterOf(key), equals: ({ value }) => value.to } },
        to: ({ key, value }, { others }) => ({ key, value: [value.word, ...others] }),
      },
      ...options,
    })
  },
  naive: (state) =>
    new Map(
      all(state)
        .filter(isRight)
        .map(({ key, value }) => {
          const others = all(state).filter((one) => isLeft(one) && one.value.to === letterOf(key))
          return [key, [value.word, ...others]]
        }),
    ),
  values: rows,
  mixes: true,
})

viewKindProperty('a join that collects by a field', collecting())
for (const mode of ['passthrough', 'lazy'] as const)
  viewKindProperty(`a join that collects by a field, ${mode}`, collecting(mode))

viewKindProperty('a join with itself, of both sides of what refers to what', {
  make: (upstream, given) => {
    const { left, right, options } = spansOf(given)
    const each = [prefix(left), prefix(right)]
    return createView(over(upstream), {
      join: {
        each,
        with: {
          followers: { from: each, on: ({ key }) => letterOf(key), equals: ({ value }) => value.refs },
          followees: { from: each, on: ({ value }) => value.refs, equals: ({ key }) => letterOf(key) },
        },
        to: ({ key }, { followers, followees }) => ({
          key,
          value: { followers: keysOf(followers), followees: followees.map(({ value }) => value.n) },
        }),
      },
      ...options,
    })
  },
  naive: (state) =>
    new Map(
      all(state).map(({ key, value: { refs } }) => [
        key,
        {
          followers: keysOf(all(state).filter(({ value }) => value.refs.includes(letterOf(key)))),
          followees: all(state)
            .filter((one) => refs.includes(letterOf(one.key)))
            .map(({ value }) => value.n),
        },
      ]),
    ),
  values: rows,
  mixes: true,
})

viewKindProperty('a join of the first two in an order, of which little is kept', {
  make: (upstream, given) => {
    const { left, right, options } = spansOf(given)
    return createView(over(upstream), {
      join: {
        each: prefix(right),
        with: {
          others: {
            from: prefix(left),
            on: ({ value }) => [value.to, ...value.refs],
            equals: ({ value }) => value.refs,
            by: ({ value }) => (value.n === 0 ? undefined : desc(value.n)),
            of: ({ value }) => (value.word === 'c' ? undefined : value.word),
            limit: 2,
          },
          last: {
            from: [prefix(left), prefix(right)],
            on: ({ value }) => [value.word, value.to],
            equals: ({ value }) => value.word,
            by: ({ value }) => [value.to, desc(value.n)],
            of: ({ key }) => key,
            limit: 1,
          },
        },
        to: ({ key }, { others, last }) => ({ key, value: [others, last] }),
      },
      ...options,
    })
  },
  naive: (state) =>
    new Map(
      all(state)
        .filter(isRight)
        .map(({ key, value: { to, refs, word } }) => {
          const others = all(state)
            .filter((one) => isLeft(one) && [to, ...refs].some((letter) => one.value.refs.includes(letter)))
            .filter(({ value }) => value.n !== 0 && value.word !== 'c')
            // Those that are equal stay in the order of their keys.
            .sort((a, b) => b.value.n - a.value.n)
            .slice(0, 2)
            .map((one) => ({ key: one.key, value: one.value.word }))
          const last = all(state)
            .filter((one) => one.value.word === word || one.value.word === to)
            .sort((a, b) => compareCodePoints(a.value.to, b.value.to) || b.value.n - a.value.n)
            .slice(0, 1)
            .map((one) => ({ key: one.key, value: one.key }))
          return [key, [others, last]]
        }),
    ),
  values: rows,
  mixes: true,
})

/** Where this one throws. */
function picky<T>(given: T, isBad: boolean): T {
  if (isBad) throw new RangeError('bad')
  return given
}

viewKindProperty('a join that leaves out where a function throws', {
  make: (upstream, given): View => {
    const { left, right, options } = spansOf(given)
    return createView(over(upstream), {
      join: {
        each: [prefix(left), prefix(right)],
        with: {
          ones: {
            from: prefix(left),
            on: ({ value }) => picky(value.to, value.n === 0),
            equals: ({ value }) => picky(value.refs, value.n === 1),
          },
          others: {
            from: prefix(right),
            on: () => 1,
            equals: () => 1,
            of: ({ value }) => picky(value.n, value.n === 2),
          },
        },
        to: ({ key }, { ones, others }) =>
          picky({ key, value: [keysOf(ones), others] }, ones.length + others.length === 2),
      },
      ...options,
      onThrow: 'skip',
    })
  },
  naive: (state) => {
    const shown = new Map<string, unknown>()
    for (const { key, value } of all(state)) {
      const ones = all(state).filter((one) => isLeft(one) && one.value.n !== 1 && one.value.refs.includes(value.to))
      const others = all(state)
        .filter((one) => isRight(one) && one.value.n !== 2)
        .map((one) => ({ key: one.key, value: one.value.n }))
      if (value.n !== 0 && ones.length + others.length !== 2) shown.set(key, [keysOf(ones), others])
    }
    return shown
  },
  values: rows,
  mixes: true,
})
