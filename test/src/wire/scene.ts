import { createMemoryStore, type ErrorCode, isFanlightError, type MemoryStore, put } from '@fanlight/core'
import { breathe } from '@fanlight/core/testing'
import { connect, type Remote } from '@fanlight/client-browser'
import { serve, type Server } from '@fanlight/server'

/** A store that is served, and a client that does nothing wrong. */
export interface Scene {
  readonly store: MemoryStore
  readonly server: Server
  readonly witness: Remote
}

/** Serves a store, and connects to it. */
export async function openScene(): Promise<Scene> {
  const store = createMemoryStore({ name: 'served' })
  const server = await serve(store)
  return { store, server, witness: await connect(server.url) }
}

/**
 * Ends it all. Whatever happened to others, the witness goes on working, over the connection that it has.
 *
 * @throws Error where it does not
 */
export async function closeScene({ store, server, witness }: Scene): Promise<void> {
  await witness.commit([put('witness', true)])
  const { entries } = await witness.fetch('witness')
  const { status, attempt } = witness.connection
  if (entries[0]?.value !== true || status !== 'open' || attempt !== 1) {
    throw new Error(`the connection of the other client is ${status}, after ${attempt} attempts`)
  }
  await witness.close()
  await server.close()
  await store.close()
}

/** Waits for a condition; the time of the test ends a wait that is in vain. */
export async function until(done: () => boolean): Promise<void> {
  while (!done()) await breathe(1)
}

/** The code that something ends with; undefined: it ends well. */
export async function codeOf(work: Promise<unknown>): Promise<ErrorCode | undefined> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error !== undefined && !isFanlightError(error)) throw error
  return error?.code
}
