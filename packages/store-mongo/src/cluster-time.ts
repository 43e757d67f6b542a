/**
 * Cluster times as versions. MongoDB orders all that a replica set ever commits by a time of seconds and an ordinal within
 * the second; both fit into a safe integer until 2106, with 2,097,152 ordinals a second.
 *
 * @module
 */
import { Timestamp } from 'mongodb'

/** How many ordinals a second has room for. */
export const ordinalsMax: number = 2 ** 21

/** The version of a cluster time; undefined where its ordinal is too great to be told apart from those of the next second. */
export function versionOf(time: Timestamp): number | undefined {
  const [seconds, ordinal] = [time.getHighBitsUnsigned(), time.getLowBitsUnsigned()]
  return ordinal < ordinalsMax ? seconds * ordinalsMax + ordinal : undefined
}

/** The cluster time of a version. */
export function timeOf(version: number): Timestamp {
  return new Timestamp({ t: Math.floor(version / ordinalsMax), i: version % ordinalsMax })
}

/** The next cluster time that there can be. */
export function timeAfter(time: Timestamp): Timestamp {
  return new Timestamp({ t: time.getHighBitsUnsigned(), i: time.getLowBitsUnsigned() + 1 })
}

/** The version so many seconds before another. */
export function secondsBefore(version: number, seconds: number): number {
  return Math.max(0, version - seconds * ordinalsMax)
}

/**
 * The cluster time in a resume token. Its `_data` is a KeyString in hex, which begins with the time: the type byte 0x82,
 * then seconds and ordinal, four bytes each (mongo/src/mongo/db/pipeline/resume_token.h).
 */
export function timeOfToken(token: unknown): Timestamp | undefined {
  const data = (token as { _data?: unknown } | undefined)?._data
  const [, seconds, ordinal] = typeof data === 'string' ? (/^82([0-9A-F]{8})([0-9A-F]{8})/i.exec(data) ?? []) : []
  if (seconds === undefined || ordinal === undefined) return undefined
  return new Timestamp({ t: Number.parseInt(seconds, 16), i: Number.parseInt(ordinal, 16) })
}
