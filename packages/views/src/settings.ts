import type { Query, Store } from '@fanlight/core'
import type { BaseOptions } from '@fanlight/core/kit'
import type { AnswersOptions, MadeAnswers } from './make-answers.ts'

/** How a view is made, whatever it makes of its upstream. */
export interface ViewSettings extends BaseOptions {
  readonly query: Query
  /** Where it has its answers from. */
  readonly answers: (options: AnswersOptions) => MadeAnswers
  readonly definition?: string | undefined
  readonly into?: Store | undefined
  readonly delayMs?: number | undefined
  readonly pageSize?: number | undefined
}
