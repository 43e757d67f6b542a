import { type FanlightError, isFanlightError } from '@fanlight/core'
import { breathe } from '@fanlight/core/testing'
import { renameSync, writeFileSync } from 'node:fs'
import type { JsonStore } from '../open-json-store.ts'

/** How a store stands. */
export function stateOf(store: JsonStore): { status: string | undefined; code: string | undefined; why: string } {
  const state = Object.values(store.state ?? {})[0]
  return { status: state?.status, code: state?.why?.code, why: state?.why?.message ?? '' }
}

/** What the store holds. */
export async function held(store: JsonStore): Promise<Record<string, unknown>> {
  const { entries } = await store.fetch({})
  return Object.fromEntries(entries.map(({ key: name, value }) => [name, value]))
}

/** How many commits a store has seen. */
export function versionOf(store: JsonStore): number {
  return Object.values(store.reached)[0] ?? -1
}

/** Waits for something that happens outside. */
export async function until(done: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let i = 0; i < 1_000; i++) {
    if (await done()) return
    await breathe(5)
  }
  throw new Error(`${what} did not happen`)
}

/** The error that a promise must end with. */
export async function failing(work: Promise<unknown>): Promise<FanlightError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!isFanlightError(error)) throw new Error(`expected an error, not ${String(error)}`)
  return error
}

/** Saves as many programs do: a new file takes the place of the old one. */
export function saveByRenaming(path: string, text: string): void {
  writeFileSync(`${path}.new`, text)
  renameSync(`${path}.new`, path)
}
