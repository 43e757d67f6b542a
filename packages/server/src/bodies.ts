import { FanlightError, type Update } from '@fanlight/core'
import { encode, type Id, Kind, packChanges, packEntries, type WireBody } from '@fanlight/protocol'

/** An update, in the form of the wire. */
export function bodyOf({ replace, changes, folded }: Update): WireBody {
  const replaced = replace === undefined ? null : ([replace.ranges, packEntries(replace.entries)] as const)
  return [replaced, packChanges(changes), folded]
}

/** How long what goes in pieces may be. */
export interface PieceSize {
  /** Bytes of a piece of several items. */
  readonly pieceBytes: number
  /** Bytes of a frame: one item may fill it alone. */
  readonly frameBytes: number
}

/** How many entries are encoded without a look at how long they are. */
export const fewEntries = 64

/** What is longer than this goes in pieces, so that others have their turn in between. */
const pieceBytesMax = 2 ** 18

/** What stands around the messages of a frame. */
const frameOverhead = 5

/** The size of pieces, where frames have a limit. */
export function pieceSize(frameBytes: number): PieceSize {
  return { pieceBytes: Math.min(pieceBytesMax, frameBytes - frameOverhead), frameBytes: frameBytes - frameOverhead }
}

/**
 * Encodes a list in pieces that are not too long. Nothing of it is made before there is room for it.
 *
 * @param wrap makes a message of a piece
 * @throws TOO_LARGE where one item alone is
 */
export function* pieces<I>(
  items: readonly I[],
  { pieceBytes, frameBytes }: PieceSize,
  wrap: (some: readonly I[]) => unknown,
): Generator<Uint8Array> {
  let size = 256
  for (let i = 0; i < items.length;) {
    const some = items.slice(i, i + size)
    const bytes = encode(wrap(some))
    if (bytes.length <= (some.length === 1 ? frameBytes : pieceBytes)) {
      yield bytes
      i += some.length
      // Items of one list are mostly alike.
      if (bytes.length * 4 < pieceBytes) size *= 2
    } else if (some.length === 1) {
      throw new FanlightError(
        'TOO_LARGE',
        `an entry of ${bytes.length} bytes does not fit into a frame: raise limits.frameBytes`,
      )
    } else size = Math.max(1, some.length >> 1)
  }
}

/**
 * An update in pieces.
 *
 * @param last makes the message that ends it, of what is left for that
 */
export function* updateInPieces(
  id: Id,
  { replace, changes, folded }: Update,
  size: PieceSize,
  last: (rest: WireBody) => unknown,
): Generator<Uint8Array> {
  if (replace !== undefined) yield* pieces(replace.entries, size, (some) => [Kind.part, id, packEntries(some)])
  yield* pieces(changes, size, (some) => [Kind.changed, id, packChanges(some)])
  yield encode(last([replace === undefined ? null : [replace.ranges, []], [], folded]))
}

/** Messages, and where one cannot be made, one more that says why. */
export function* guarded(
  messages: Iterator<Uint8Array, void>,
  failed: (error: unknown) => Uint8Array | undefined,
): Generator<Uint8Array, void> {
  try {
    for (let next = messages.next(); next.done !== true; next = messages.next()) yield next.value
  } catch (error) {
    const message = failed(error)
    if (message !== undefined) yield message
  }
}
