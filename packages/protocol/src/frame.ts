import { FanlightError } from '@fanlight/core'
import { arrayHeader, concat, decode, decodeTrusted, encode } from './codec.ts'
import { checkMessagePack } from './check-message-pack.ts'
import { badFrame } from './errors.ts'
import { type ClientMessage, Kind, type ServerMessage } from './messages.ts'

/** Several encoded messages as one frame. */
export function frameOf(messages: readonly Uint8Array[]): Uint8Array {
  return concat([arrayHeader(messages.length), ...messages])
}

/**
 * One message with a piece at its end that was encoded before: what goes to many is encoded once.
 *
 * @param start fewer than 15 items
 */
export function encodeAround(start: readonly unknown[], end: Uint8Array): Uint8Array {
  const message = concat([encode(start), end])
  // The first byte of so short an array counts its items.
  message[0] = (message[0] ?? 0) + 1
  return message
}

/**
 * The messages of a frame that a stranger sent, each of them well formed as far as its own elements go: queries, points and
 * changes are checked by the store that gets them.
 *
 * @param depthMax    how deep values may nest
 * @param messagesMax how many messages it may have
 * @throws BAD_FRAME, TOO_MANY
 */
export function readClientFrame(
  bytes: Uint8Array,
  depthMax: number,
  messagesMax: number = Infinity,
): readonly ClientMessage[] {
  const messages = decode(bytes, depthMax)
  if (!Array.isArray(messages)) throw badFrame('it is no array of messages')
  if (messages.length > messagesMax) {
    throw new FanlightError(
      'TOO_MANY',
      `a frame may have ${messagesMax} messages, not ${messages.length}: send several`,
    )
  }
  for (const message of messages) assertClientMessage(message)
  return messages as readonly ClientMessage[]
}

/**
 * The messages of a frame from the server that one chose to connect to: as deep as it likes, and without extensions, of which
 * a decoder would make what is no value.
 *
 * @throws BAD_FRAME
 */
export function readServerFrame(bytes: Uint8Array): readonly ServerMessage[] {
  checkMessagePack(bytes, Infinity)
  const messages = decodeTrusted(bytes)
  if (!Array.isArray(messages) || !messages.every((one) => Array.isArray(one)))
    throw badFrame('it is no array of messages')
  return messages as unknown as readonly ServerMessage[]
}

type Check = (item: unknown) => boolean

const isId: Check = (item) => Number.isSafeInteger(item) && (item as number) >= 0
const isObject: Check = (item) => typeof item === 'object' && item !== null && !Array.isArray(item) && !isBytes(item)
const isNothing: Check = (item) => item === null || item === undefined
const isBytes: Check = (item) => item instanceof Uint8Array
const isArray: Check = (item) => Array.isArray(item)
const isQuery: Check = (item) => typeof item === 'string' || isObject(item) || isArray(item)
const isTime: Check = (item) => isNothing(item) || (typeof item === 'number' && item >= 0)
const maybe =
  (check: Check): Check =>
  (item) =>
    isNothing(item) || check(item)
const isWord: Check = (item) => typeof item === 'string'
const isCredentials: Check = (item) => isNothing(item) || isWord(item) || isBytes(item)
const isChange: Check = (item) => Array.isArray(item) && (item.length === 1 || item.length === 2)
const isChanges: Check = (item) => Array.isArray(item) && item.every(isChange)
const isCommitId: Check = (item) =>
  Array.isArray(item) && item.length === 3 && isWord(item[0]) && isId(item[1]) && isObject(item[2])
const anything: Check = () => true

/** What stands behind the kind of each message, and how much of it must. */
interface Shape {
  readonly checks: readonly Check[]
  readonly least: number
}

/** Nil stands for what is absent: only what may be any value, nil too, is left out. */
function shape(checks: readonly Check[], least: number = checks.length): Shape {
  return { checks, least }
}

const shapes = new Map<number, Shape>([
  // Of another version it is to be refused as such, whatever else it says.
  [Kind.hello, shape([isId, isCredentials], 1)],
  [Kind.fetch, shape([isId, isQuery, maybe(isObject), maybe(isObject), maybe(isWord), isTime])],
  [Kind.changes, shape([isId, isQuery, isObject, maybe(isObject), isTime])],
  [Kind.watch, shape([isId, isQuery, maybe(isObject)])],
  [Kind.unwatch, shape([isId])],
  [Kind.commit, shape([isId, isChanges, maybe(isObject), maybe(isQuery), maybe(isCommitId), anything], 5)],
  [Kind.cancel, shape([isId])],
])

function assertClientMessage(message: unknown): void {
  if (!Array.isArray(message)) throw badFrame('a message is no array')
  const [kind, ...items] = message as readonly unknown[]
  const wanted = typeof kind === 'number' ? shapes.get(kind) : undefined
  if (wanted === undefined) throw badFrame(`there is no message of kind ${String(kind).slice(0, 20)}`)
  const { checks, least } = wanted
  const isWhole = items.length >= least && items.length <= checks.length
  if (!isWhole || !checks.every((check, i) => check(items[i]))) {
    throw badFrame(`a message of kind ${String(kind)} has other elements than it should`)
  }
}
