import { compareVersions, type Update, type Versions } from '@fanlight/core'
import { encode, encodeAround, frameOf, type Id, Kind } from '@fanlight/protocol'
import { bodyOf, fewEntries, guarded, type PieceSize, updateInPieces } from './bodies.ts'
import type { Shared } from './shared.ts'

/** What is told of one query. */
export type Told = readonly [id: Id, update: Update]

/** What one step tells. */
export interface StepParts {
  /** Who is followed from now on, and who no longer. */
  readonly start: readonly Uint8Array[]
  readonly updates: readonly Told[]
  /** The point at which the step ends. */
  readonly point: Versions
  readonly shared: Shared
  readonly size: PieceSize
  isFollowed(id: Id): boolean
  /** What cannot be told ends the query: gives the message that says why. */
  failed(id: Id, error: unknown): Uint8Array | undefined
}

/** What stands around the body of an update, but for its versions. */
const envelopeBytes = 64

/** So many changes are encoded whole, to find out whether they fit into a frame that many connections get. */
const fewChanges = 1_024

/** The messages of a step, each made when there is room for it. */
export function* told(parts: StepParts): Generator<Uint8Array, void> {
  yield* parts.start
  for (const one of parts.updates) {
    const [id] = one
    // Who left it meanwhile is told nothing more of it.
    if (parts.isFollowed(id)) yield* guarded(messagesOf(one, parts), (error) => parts.failed(id, error))
  }
  yield parts.shared.step(parts.point)
}

/**
 * A step in which one query changed, or none, as one frame for each id under which that is followed.
 *
 * @param oldest what can still be answered, where that is to be told
 * @returns makes a frame; that gives undefined where it is too long for one that many get
 */
export function stepFrames(
  update: Update | undefined,
  point: Versions,
  oldest: Versions | undefined,
  { pieceBytes }: PieceSize,
): (id: Id) => Uint8Array | undefined {
  const end = [[Kind.step, point], ...(oldest === undefined ? [] : [[Kind.horizon, oldest]])]
  if (update === undefined) {
    const frame = encode(end)
    return () => frame
  }
  if (!isShort(update)) return () => undefined
  const versions = versionsIn(update, point)
  let body: Uint8Array | undefined
  let ends: readonly Uint8Array[] | undefined
  let isLong: boolean | undefined
  return (id) => {
    if (isLong === undefined) {
      // Most follow it under the same id: for them all of it is made at once.
      const frame = encode([[Kind.update, id, versions, bodyOf(update)], ...end])
      isLong = frame.length > pieceBytes
      return isLong ? undefined : frame
    }
    if (isLong) return undefined
    body ??= encode(bodyOf(update))
    ends ??= end.map(encode)
    return frameOf([encodeAround([Kind.update, id, versions], body), ...ends])
  }
}

function* messagesOf([id, update]: Told, { point, shared, size }: StepParts): Generator<Uint8Array, void> {
  const versions = versionsIn(update, point)
  const body = isShort(update) ? shared.body(update, size.pieceBytes - envelopeBytes) : undefined
  if (body === undefined) yield* updateInPieces(id, update, size, (rest) => [Kind.update, id, versions, rest])
  else if (versions === null) yield shared.update(id, update, body)
  else yield encodeAround([Kind.update, id, versions], body)
}

/** The point of an update, where that is another than the one of its step. */
function versionsIn({ versions }: Update, point: Versions): Versions | null {
  return compareVersions(versions, point) === 'equal' ? null : versions
}

function isShort({ replace, changes }: Update): boolean {
  return changes.length <= fewChanges && (replace === undefined || replace.entries.length <= fewEntries)
}
