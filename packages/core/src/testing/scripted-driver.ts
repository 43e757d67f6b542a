import type { Driver, Pushed } from '../driver.ts'
import { type FanlightError, isFanlightError } from '../errors.ts'
import type { Store, Versions } from '../store.ts'

function unheard(): void {
  throw new Error('nobody listens')
}

/** A driver, from the side of what it drives. */
export interface ScriptedDriver extends Driver {
  push: (pushed: Pushed) => void
  fail: (why: unknown) => void
  /** How often it was stopped. */
  stops: number
}

/** A driver that does as the test says. */
export function scripted(parts: Partial<Driver> = {}): ScriptedDriver {
  const driver = {
    name: 'scripted',
    stops: 0,
    push: unheard as (pushed: Pushed) => void,
    fail: unheard as (why: unknown) => void,
    read: () => ({ entries: [] }),
    listen: (push: (pushed: Pushed) => void, fail: (why: unknown) => void) => {
      driver.push = push
      driver.fail = fail
      return () => void driver.stops++
    },
    ...parts,
  }
  return driver
}

/** A promise, and what settles it. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

/** A promise that somebody else settles. */
export function deferred<T>(): Deferred<T> {
  let settle: { resolve(value: T): void; reject(error: unknown): void } | undefined
  const promise = new Promise<T>((resolve, reject) => (settle = { resolve, reject }))
  return { promise, resolve: (value) => settle?.resolve(value), reject: (error) => settle?.reject(error) }
}

/** The error that a promise must end with. */
export async function failing(work: Promise<unknown> | undefined): Promise<FanlightError> {
  const error: unknown = await work?.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!isFanlightError(error)) throw new Error(`expected an error, not ${String(error)}`)
  return error
}

/** How far a store of one source has come. */
export function version(store: { reached: Versions }): number | undefined {
  return Object.values(store.reached)[0]
}

/** How the one source of a store stands. */
export function stateOf(store: Store): { status: string | undefined; code: string | undefined } {
  const state = Object.values(store.state ?? {})[0]
  return { status: state?.status, code: state?.why?.code }
}

/** What a driver fails with. */
export const failure: Error = new Error('the disk is on fire')
