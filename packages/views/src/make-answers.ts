import { type Clock, FanlightError, type History, type Query, type Random, type Store } from '@fanlight/core'
import { checkOptions } from '@fanlight/core/kit'
import { AnswerCache } from './answer-cache.ts'
import type { Answers } from './answers.ts'
import { Kept } from './kept.ts'
import { MemoryShelf } from './memory-shelf.ts'
import type { Kind } from './operators/operator.ts'
import { Passing, type Reads } from './passing.ts'
import { StoreShelf } from './store-shelf.ts'

/** What answers are made with. */
export interface AnswersOptions {
  readonly name: string
  /** The upstream, or the part of it that the view is made of. */
  readonly upstream: Store
  readonly definition: string
  readonly clock: Clock
  readonly random: Random
  /** How deep values may nest. */
  readonly depthMax: number
}

/** Where a view has its answers from. */
export interface MadeAnswers {
  readonly answers: Answers
  /** Where answers are held that were worked out when they were asked for. */
  readonly cache?: AnswerCache | undefined
  /** Whether no state is kept. */
  readonly isOnDemand: boolean
}

/** When a view works out what it shows. */
export type Mode = 'active' | 'passthrough' | 'lazy'

/** What a view makes of its upstream, and how: see `ViewOptions`. */
export interface Making {
  readonly query: Query
  readonly kind: Kind
  readonly mode: Mode
  readonly reads?: Reads | undefined
  readonly cacheBytes?: number | undefined
  readonly definition?: string | undefined
  readonly into?: Store | undefined
  readonly onThrow?: 'skip' | 'stop' | undefined
  readonly history?: History | undefined
}

/** What answers that are held may take, in bytes. */
const cacheBytesDefault = 2 ** 26

/**
 * Where a view has its answers from, by its mode.
 *
 * @throws BAD_QUERY
 */
export function makeAnswers(making: Making, options: AnswersOptions): MadeAnswers {
  const { query, kind, mode, into, onThrow, history, reads, cacheBytes = cacheBytesDefault } = making
  checkOptions(making, { onThrow: ['skip', 'stop'], cacheBytes: 'amount' })
  if (into !== undefined && making.definition === undefined) {
    const message = 'a view with `into` needs a `definition`: a text that you change with its function'
    throw new FanlightError('BAD_QUERY', message)
  }
  const { name, upstream, definition, clock, random, depthMax } = options
  const operator = kind({ skips: onThrow === 'skip', depthMax })
  if (mode !== 'active') {
    const cache = mode === 'lazy' ? new AnswerCache(cacheBytes, random) : undefined
    return { answers: new Passing({ upstream, query, operator, reads, cache }), cache, isOnDemand: true }
  }
  const shelf = into === undefined ? new MemoryShelf(history, clock) : new StoreShelf(into)
  return { answers: new Kept({ name, upstream, query, operator, definition, shelf }), isOnDemand: false }
}
