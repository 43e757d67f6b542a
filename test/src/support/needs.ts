import { describe, it } from 'vitest'
import { findMongod, type Missing, type Mongod } from './mongod.ts'
import { type Conditional, notRun } from './not-run.ts'
import { findPython, type Python } from './python.ts'

/** One line without brackets, as the name of a test can hold it. */
function short(why: string): string {
  return why
    .replaceAll(/[[\]\s]+/g, ' ')
    .slice(0, 160)
    .trim()
}

/** In CI nothing is left out quietly: each test that would have been says what it lacks, and fails. */
function failing(why: string): Conditional {
  const fail = (): never => {
    throw new Error(why)
  }
  return {
    it: (name) => it(name, fail),
    describe: (name) => describe(name, () => it('has what it needs', fail)),
  }
}

function needs(what: string, found: Mongod | Python | Missing): Conditional {
  if (!('why' in found)) return notRun(false, '')
  const why = `no ${what}: ${short(found.why)}`
  return process.env['CI'] === 'true' ? failing(why) : notRun(true, why)
}

/**
 * Declares tests that need a mongod: where there is none they are left out, and in CI they fail.
 *
 * @example
 * ```ts
 * const withMongod = await needsMongod()
 * withMongod.it('keeps what it is given', async () => {
 *   await using set = await startReplicaSet()
 * })
 * ```
 */
export async function needsMongod(): Promise<Conditional> {
  return needs('mongod', await findMongod())
}

/** Declares tests that need a Python with pymongo, in the same way: `findPython` says where it is. */
export async function needsPython(): Promise<Conditional> {
  return needs('Python with pymongo', await findPython())
}
