import type { Clock } from '@fanlight/core'
import type { Dial } from '@fanlight/client-browser'
import {
  type Channel,
  type ClientMessage,
  encode,
  Kind,
  protocolVersion,
  readClientFrame,
  type ServerMessage,
  type StoreInfo,
  type WireLimits,
} from '@fanlight/protocol'
import { createPipe } from '@fanlight/protocol/testing'

/** A server that says what a test makes it say. */
export interface Scripted {
  readonly dial: Dial
  /** What it was asked, hellos aside, over all connections. */
  readonly heard: readonly ClientMessage[]
  /** How often somebody dialled. */
  readonly dials: number
  /** Says something over the connection that was dialled last: one frame. */
  say(...messages: readonly (ServerMessage | readonly unknown[])[]): void
  /** The same, of whatever bytes. */
  sayBytes(bytes: Uint8Array): void
  /** Closes that connection. */
  close(code: number): void
}

/** The one source of a scripted server. */
export const source = 'scripted@1'

const info: StoreInfo = {
  sources: [source],
  supports: { commit: true, guard: 'none', ids: true, single: false, durable: false },
  continues: [],
  oldest: { [source]: 0 },
  reached: { [source]: 1 },
  state: {},
}

/**
 * Serves by a script.
 *
 * @param answer gets each message; what it gives is said in one frame. Absent: it says nothing by itself
 */
export function script(
  clock: Clock,
  answer: (message: ClientMessage) => readonly ServerMessage[] | undefined = () => undefined,
  limits: Partial<WireLimits & { readonly valueDepth: number }> = {},
): Scripted {
  const heard: ClientMessage[] = []
  let dials = 0
  let far: Channel | undefined
  const say = (channel: Channel, messages: readonly unknown[]): void => channel.send(encode(messages))
  const all = { frameBytes: 2 ** 20, requests: 1000, watches: 1000, beatMs: 1e9, ...limits }
  return {
    heard,
    get dials() {
      return dials
    },
    say: (...messages) => far && say(far, messages),
    sayBytes: (bytes) => far?.send(bytes),
    close: (code) => far?.close(code, 'scripted'),
    dial: () => {
      dials++
      const pipe = createPipe({ clock, random: () => 0 })
      const channel = pipe.far
      far = channel
      channel.listen({
        frame: (bytes) => {
          for (const message of readClientFrame(bytes, 64)) {
            if (message[0] === Kind.hello) say(channel, [[Kind.welcome, protocolVersion, info, all]])
            else {
              heard.push(message)
              const said = answer(message)
              if (said !== undefined) say(channel, said)
            }
          }
        },
        closed: () => undefined,
      })
      return Object.assign(pipe.near, { opened: Promise.resolve() })
    },
  }
}

/** An answer to a fetch, at version 1. */
export function answerTo(id: number): ServerMessage {
  return [Kind.answer, id, [['a', 1, 1]], { [source]: [1, 1] }, [[false, {}]], {}]
}
