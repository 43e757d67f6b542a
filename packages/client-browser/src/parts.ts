import type { Change, Entry } from '@fanlight/core'
import { Kind, type ServerMessage, unpackChanges, unpackEntries } from '@fanlight/protocol'

/** What came of an answer that is too long for one frame. */
export interface Parts {
  readonly entries: Entry[]
  readonly changes: Change[]
}

/** Who gets an answer that may come in parts: they live and go with it. */
export interface HasParts {
  /** What came of an answer that is not whole yet. */
  parts: Parts | undefined
}

/** A message that is a part of an answer. */
type Part = Extract<ServerMessage, readonly [typeof Kind.part | typeof Kind.changed, ...unknown[]]>

/** Keeps a part. */
export function addPart(whose: HasParts, message: Part): void {
  const { entries, changes } = (whose.parts ??= { entries: [], changes: [] })
  if (message[0] === Kind.part) for (const entry of unpackEntries(message[2])) entries.push(entry)
  else for (const change of unpackChanges(message[2])) changes.push(change)
}

/** What came, for the last time. */
export function takeParts(whose: HasParts): Parts | undefined {
  const { parts } = whose
  whose.parts = undefined
  return parts
}
