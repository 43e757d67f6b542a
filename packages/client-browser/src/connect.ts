import { createSession, FanlightError, type Store, type TypesOf, type WritableSession } from '@fanlight/core'
import { aborted, onAbort } from '@fanlight/core/kit'
import { dial as platformDial } from '#socket'
import type { ConnectionState, ConnectOptions } from './options.ts'
import { WireStore } from './wire-store.ts'

/** A store across a connection: `connect` makes one. Its asker reads what it wrote, and never goes back. */
export type Remote<T extends object = { '': unknown }> = WritableSession<T> & {
  /** How the connection stands. */
  readonly connection: ConnectionState
}

/**
 * Connects to a store that another process serves. The remote is a store like any other: to be asked, followed, committed to,
 * mounted in a router. It comes back by itself where the connection breaks: feeds go on from where they were, commits are
 * tried again under their id and applied once, and what was read and written through it is never unseen (L2).
 *
 * @typeParam S the type of the store that is served: `connect<typeof app>(url)`
 * @param url     'ws://…' or 'wss://…'; in a page it may be relative
 * @param options credentials, patience, back-off, and who hears how the connection stands
 * @returns when there is a connection
 * @throws BAD_QUERY where the URL is none of a websocket; AUTH_NEEDED, FORBIDDEN, UNSUPPORTED (another version of the protocol); STALLED where there was no connection in time;
 *   ABORTED
 *
 * @example
 * ```ts
 * import { createMemoryStore, put } from '@fanlight/core'
 * import { connect } from '@fanlight/client-browser'
 * import { serve } from '@fanlight/server'
 *
 * const app = createMemoryStore<{ '': number }>()
 * const server = await serve(app)
 *
 * const remote = await connect<typeof app>(server.url)
 * await remote.commit([put('a', 1)])
 * const { entries } = await remote.fetch('a')
 * console.log(entries[0]?.value) // 1
 * await remote.close()
 * await server.close()
 * ```
 */
export async function connect<S extends { readonly '~types'?: object | undefined } = Store>(
  url: string,
  options: ConnectOptions = {},
): Promise<Remote<TypesOf<S>>> {
  const { dial = platformDial, signal } = options
  if (signal?.aborted === true) throw aborted(signal)
  const wire = new WireStore(url, dial, options)
  try {
    await opened(wire, options)
  } catch (error) {
    await wire.close()
    throw error
  }
  const session = createSession(wire as Store<object>, options)
  const end = session.close.bind(session)
  const close = (): Promise<void> => {
    // It waits for the commits that were sent, and for no connection.
    const ended = end()
    wire.closeWhenLost()
    return ended.then(() => wire.close())
  }
  return Object.defineProperties(session, {
    connection: { get: () => wire.connection },
    close: { value: close },
    [Symbol.asyncDispose]: { value: close },
  }) as unknown as Remote<TypesOf<S>>
}

function opened(wire: WireStore, { signal, timeoutMs = 30_000, clock }: ConnectOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = (): void => {
      const { why } = wire.connection
      const message = `there was no connection to ${wire.name} within ${timeoutMs} ms: ${why?.message ?? 'it did not answer'}`
      reject(new FanlightError('STALLED', message, { store: wire.name, cause: why }))
    }
    const stopTimer = timeoutMs === Infinity ? undefined : (clock ?? wire.time).after(timeoutMs, late)
    const deaf = signal && onAbort(signal, () => reject(aborted(signal)))
    wire
      .whenOpen()
      .then(resolve, reject)
      .finally(() => {
        stopTimer?.()
        deaf?.()
      })
  })
}
