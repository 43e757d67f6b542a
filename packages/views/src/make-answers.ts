import { type Clock, FanlightError, type Random, type Store } from '@fanlight/core'
import { AnswerCache } from './answer-cache.ts'
import type { Answers } from './answers.ts'
import { Kept } from './kept.ts'
import { MemoryShelf } from './memory-shelf.ts'
import { Passing } from './passing.ts'
import type { ViewSettings } from './settings.ts'
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

/** What answers that are held may take, in bytes. */
const cacheBytesDefault = 2 ** 26

/**
 * Where a view has its answers from, by its mode.
 *
 * @throws BAD_QUERY
 */
export function makeAnswers(
  settings: ViewSettings,
  options: AnswersOptions,
): { readonly answers: Answers; readonly cache: AnswerCache | undefined } {
  const { query, kind, mode, into, onThrow, history, reads, cacheBytes = cacheBytesDefault } = settings
  if (into !== undefined && settings.definition === undefined) {
    const message = 'a view with `into` needs a `definition`: a text that you change with its function'
    throw new FanlightError('BAD_QUERY', message)
  }
  const { name, upstream, definition, clock, random, depthMax } = options
  const operator = kind({ skips: onThrow === 'skip', depthMax })
  if (mode !== 'active') {
    const cache = mode === 'lazy' ? new AnswerCache(cacheBytes, random) : undefined
    return { answers: new Passing({ upstream, query, operator, reads, cache }), cache }
  }
  const shelf = into === undefined ? new MemoryShelf(history, clock) : new StoreShelf(into)
  return { answers: new Kept({ name, upstream, query, operator, definition, shelf }), cache: undefined }
}
