/**
 * What two ends of a connection tell each other. A frame is an array of messages; a message is an array that begins with a
 * number, which says what it is. docs/protocol.md is the specification; what is here is its form in TypeScript.
 *
 * @module
 */
import type {
  Change,
  CommitId,
  Continued,
  Entry,
  ErrorCode,
  Query,
  Range,
  SourceId,
  Stall,
  Supports,
  Versions,
  Windows,
} from '@fanlight/core'

/** The version of the protocol that this package speaks. */
export const protocolVersion = 1

/** What a message is: its first element. */
export const Kind = {
  // From the client.
  hello: 0,
  fetch: 1,
  changes: 2,
  watch: 3,
  unwatch: 4,
  commit: 5,
  cancel: 6,
  // From the server.
  welcome: 16,
  info: 17,
  answer: 18,
  difference: 19,
  committed: 20,
  failed: 21,
  watching: 22,
  update: 23,
  step: 24,
  ended: 25,
  part: 26,
  beat: 27,
  horizon: 28,
  changed: 29,
} as const

/** Chosen by whoever asks, from 0 up, never twice on one connection: requests and queries that are followed share them. */
export type Id = number

/** What is known of a client: a token, or bytes. The server's `authenticate` makes something of it. */
export type Credentials = string | Uint8Array | undefined

/** The first message of a connection. */
export type Hello = readonly [kind: typeof Kind.hello, protocol: number, credentials: Credentials | null]

/** Asks for an answer: `answer` or `failed`, perhaps after `part`s. */
export type Fetch = readonly [
  kind: typeof Kind.fetch,
  id: Id,
  query: Query,
  min: Versions | null,
  max: Versions | null,
  stall: Stall | null,
  /** Milliseconds that are left of the asker's patience; null: no end. */
  timeoutMs: number | null,
]

/** Asks for a difference: `difference` or `failed`, perhaps after `part`s. */
export type Changes = readonly [
  kind: typeof Kind.changes,
  id: Id,
  query: Query,
  since: Versions,
  until: Versions | null,
  timeoutMs: number | null,
]

/** Follows a query: from a point, or with the whole answer first. `watching`, then with each `step` what changed in it. */
export type Watch = readonly [kind: typeof Kind.watch, id: Id, query: Query, since: Versions | null]

/** Follows it no longer. */
export type Unwatch = readonly [kind: typeof Kind.unwatch, id: Id]

/** Changes keys: `committed` or `failed`. */
export type Commit = readonly [
  kind: typeof Kind.commit,
  id: Id,
  changes: readonly WireChange[],
  basis: Versions | null,
  guard: Query | null,
  commitId: WireCommitId | null,
  /** Absent: there is none. */
  ...meta: [unknown?],
]

/** Nobody waits for the end of what was asked under this id: `failed` with ABORTED, where it was not answered yet. */
export type Cancel = readonly [kind: typeof Kind.cancel, id: Id]

/** What a client says. */
export type ClientMessage = Hello | Fetch | Changes | Watch | Unwatch | Commit | Cancel

/** The answer to `hello`: what the store is, and what a client must keep to. */
export type Welcome = readonly [kind: typeof Kind.welcome, protocol: number, info: StoreInfo, limits: WireLimits]

/** Something of the store itself changed. */
export type Info = readonly [kind: typeof Kind.info, info: StoreInfo]

/** The answer to a `fetch`. */
export type Answer = readonly [
  kind: typeof Kind.answer,
  id: Id,
  entries: readonly WireEntry[],
  windows: WireWindows,
  more: readonly WireScanned[],
  behind: Versions,
]

/** The answer to a `changes`. */
export type DifferenceMessage = readonly [
  kind: typeof Kind.difference,
  id: Id,
  versions: Versions,
  behind: Versions,
  body: WireBody,
]

/** The answer to a `commit`. */
export type Committed = readonly [kind: typeof Kind.committed, id: Id, versions: Versions]

/** What was asked went wrong. */
export type Failed = readonly [kind: typeof Kind.failed, id: Id, error: WireError]

/** From the next `step` on, what changes in this query is told. */
export type Watching = readonly [kind: typeof Kind.watching, id: Id]

/** What changed in a query; it exists when the `step` has come. `versions` null: those of the step. */
export type UpdateMessage = readonly [kind: typeof Kind.update, id: Id, versions: Versions | null, body: WireBody]

/** Everything that is followed has come to this point. */
export type Step = readonly [kind: typeof Kind.step, versions: Versions]

/** A query is followed no longer: why. */
export type Ended = readonly [kind: typeof Kind.ended, id: Id, error: WireError]

/** Entries of an answer, or of a replacement, that is too large for one frame: the rest follows. */
export type Part = readonly [kind: typeof Kind.part, id: Id, entries: readonly WireEntry[]]

/** Changes of an update that is too large for one frame: the rest follows. */
export type Changed = readonly [kind: typeof Kind.changed, id: Id, changes: readonly WireChange[]]

/** What can still be answered has moved. */
export type Horizon = readonly [kind: typeof Kind.horizon, oldest: Versions]

/** Nothing else was to say: the connection lives. */
export type Beat = readonly [kind: typeof Kind.beat]

/** What a server says. */
export type ServerMessage =
  | Welcome
  | Info
  | Answer
  | DifferenceMessage
  | Committed
  | Failed
  | Watching
  | UpdateMessage
  | Step
  | Ended
  | Part
  | Changed
  | Horizon
  | Beat

/** A key, its value, and a version since which it has not changed where one is known. */
export type WireEntry = readonly [key: string, value: unknown, version?: number]

/** A key that is given a value, or one that is gone. */
export type WireChange = readonly [key: string, value: unknown] | readonly [key: string]

/** What changed: as in an `Update`. `replaced` null: nothing was. */
export type WireBody = readonly [
  replaced: readonly [ranges: readonly Range[], entries: readonly WireEntry[]] | null,
  changes: readonly WireChange[],
  folded: number,
]

/** For each source its window. */
export type WireWindows = Readonly<Record<SourceId, readonly [from: number, to: number]>>

/** What became of a range: whether more follows, and what was scanned. */
export type WireScanned = readonly [more: boolean, range: Range]

/** Who commits, which of its commits it is, and what it held then. */
export type WireCommitId = readonly [session: string, number: number, born: Versions]

/** An error, with those of its facts that there are. */
export interface WireError {
  readonly code: ErrorCode
  readonly message: string
  readonly store?: string
  readonly source?: SourceId
  readonly wanted?: Versions
  readonly reached?: Versions
  readonly horizon?: Versions
  readonly keys?: readonly string[]
  readonly applied?: 'no' | 'unknown'
}

/** How a source stands: its status, and why. */
export type WireState = readonly [status: string, why: WireError | null]

/** What a store says of itself. */
export interface StoreInfo {
  readonly sources: readonly SourceId[]
  readonly supports: Supports
  readonly continues: readonly Continued[]
  readonly oldest: Versions
  readonly reached: Versions
  readonly state: Readonly<Record<SourceId, WireState>>
}

/** What a server takes. */
export interface WireLimits {
  /** Bytes of one frame. */
  readonly frameBytes: number
  /** What may be under way at once. */
  readonly requests: number
  /** Queries that may be followed at once. */
  readonly watches: number
  /** How deep values may nest. */
  readonly valueDepth: number
  /** A `beat` comes after so many milliseconds of silence. */
  readonly beatMs: number
}

/** In the form of the wire. */
export function packEntries(entries: readonly Entry[]): WireEntry[] {
  return entries.map(({ key, value, version }) => (version === undefined ? [key, value] : [key, value, version]))
}

/** Out of the form of the wire. */
export function unpackEntries(entries: readonly WireEntry[]): Entry[] {
  return entries.map(([key, value, version]) => (version === undefined ? { key, value } : { key, value, version }))
}

/** In the form of the wire. */
export function packChanges(changes: readonly Change[]): WireChange[] {
  return changes.map(({ key, value, gone }) => (gone === true ? [key] : [key, value]))
}

/** Out of the form of the wire. */
export function unpackChanges(changes: readonly WireChange[]): Change[] {
  return changes.map((change) =>
    change.length === 1 ? { key: change[0], gone: true } : { key: change[0], value: change[1] },
  )
}

/** In the form of the wire. */
export function packWindows(windows: Windows): WireWindows {
  const packed: Record<SourceId, readonly [number, number]> = {}
  for (const source in windows) packed[source] = [windows[source]?.from ?? 0, windows[source]?.to ?? 0]
  return packed
}

/** Out of the form of the wire. */
export function unpackWindows(windows: WireWindows): Windows {
  const unpacked: Record<SourceId, { from: number; to: number }> = {}
  for (const source in windows) unpacked[source] = { from: windows[source]?.[0] ?? 0, to: windows[source]?.[1] ?? 0 }
  return unpacked
}

/** In the form of the wire. */
export function packCommitId({ session, number, born }: CommitId): WireCommitId {
  return [session, number, born]
}

/** Out of the form of the wire. */
export function unpackCommitId([session, number, born]: WireCommitId): CommitId {
  return { session, number, born }
}
