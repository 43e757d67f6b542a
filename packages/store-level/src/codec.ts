/**
 * Records as text. Native decoding of UTF-8 strings is what is fast; a Buffer a record is what costs.
 *
 * @module
 */
import { type Entry, FanlightError } from '@fanlight/core'
import { deleted, freeze } from '@fanlight/core/kit'
import { keyOfData } from './keys.ts'
import { decodeMarked, encodeValue } from './value-text.ts'

/** What a key was given by one commit: an entry; the value is `deleted` where the commit deleted it. */
export interface Stored extends Entry {
  readonly version: number
}

/** A record that was replaced. */
export interface Replaced {
  readonly stored: Stored
  /** The version that replaced it. */
  readonly until: number
}

/** One change of a commit, as the log tells it. */
export interface Touched {
  readonly key: string
  /** Whether it is a delete. */
  readonly gone: boolean
  /** The version of the record that it replaced; undefined: there was none. */
  readonly replaced: number | undefined
  /** Whether the key had a value before. */
  readonly wasThere: boolean
  /** A delete of what was not there: it left no record. Told only where the commit has an id. */
  readonly idle: boolean
}

/** One commit, as the log tells it. */
export interface LogCommit {
  readonly touched: readonly Touched[]
  /** The name of its id. */
  readonly id: string | undefined
  /** Its `meta`; undefined: none. */
  readonly meta: unknown
}

/** The commits of one batch: they stand in the log together, at the version of the last one. */
export interface LogGroup {
  /** When they came, in milliseconds of the store's clock. */
  readonly at: number
  /** The bytes of all commits up to the last of these, ever. */
  readonly sum: number
  /** In the order of their versions, which leave no gap. */
  readonly commits: readonly LogCommit[]
}

// What stands between the version of a record and its value.
const plain = ' '
const marked = '~'
const gone = '-'
const zero = 48

/** `12 {"a":1}`, `12~["~b","AAEC"]` or `12-`: a version in digits, what kind of text follows, and the text. */
export function encodeStored(version: number, value: unknown): string {
  if (value === deleted) return `${version}${gone}`
  const written = encodeValue(value)
  return `${version}${written.marked ? marked : plain}${written.text}`
}

/**
 * Reads the record of a key.
 *
 * @throws CORRUPT
 */
export function decodeStored(key: string, text: string): Stored {
  const end = versionEnd(text)
  return { key, value: freeze(decodeAs(text, end)), version: Number.parseInt(text, 10) }
}

/**
 * Reads the newest records of many keys. One call of the parser for all their values costs half of a call for each.
 *
 * @param items where each stands, and its text
 * @throws CORRUPT
 */
export function decodeAll(items: Items): Stored[] {
  const values = parseTogether(items)
  return items.map(([place, text], i) => {
    const end = versionEnd(text)
    const value: unknown = values !== undefined && text[end] === plain ? values[i] : decodeAs(text, end)
    return { key: keyOfData(place), value: freeze(value), version: Number.parseInt(text, 10) }
  })
}

type Items = readonly (readonly [place: string, text: string])[]

/** The values that are plain JSON, at their places; undefined where they cannot be parsed together. */
function parseTogether(items: Items): readonly unknown[] | undefined {
  let together = ''
  for (const [, text] of items) {
    const end = versionEnd(text)
    together += text[end] === plain ? `,${text.slice(end + 1)}` : ',0'
  }
  try {
    const values = JSON.parse(`[${together.slice(1)}]`) as unknown[]
    return values.length === items.length ? values : undefined
  } catch {
    // One is damaged: which, is found out one by one.
    return undefined
  }
}

/**
 * The version of a record.
 *
 * @throws CORRUPT
 */
export function storedVersion(text: string): number {
  versionEnd(text)
  return Number.parseInt(text, 10)
}

/** Where the digits of the version end. */
function versionEnd(text: string): number {
  let at = 0
  while (text.charCodeAt(at) >= zero && text.charCodeAt(at) <= zero + 9) at++
  return at === 0 ? broken(text) : at
}

function decodeAs(text: string, at: number): unknown {
  try {
    switch (text[at]) {
      case plain:
        return JSON.parse(text.slice(at + 1))
      case marked:
        return decodeMarked(text.slice(at + 1))
      case gone:
        return deleted
      default:
        return broken(text)
    }
  } catch (error) {
    return broken(text, error)
  }
}

/** A record that is replaced: the version that does it, and the record as it stood. */
export function encodeReplaced(until: number, text: string): string {
  return `${until}:${text}`
}

/**
 * Reads a record of a key that was replaced.
 *
 * @throws CORRUPT
 */
export function decodeReplaced(key: string, text: string): Replaced {
  const colon = text.indexOf(':')
  return { stored: decodeStored(key, text.slice(colon + 1)), until: number(text.slice(0, Math.max(0, colon))) }
}

// What is true of a change, as bits.
const isGone = 1
const wasThere = 2
const isIdle = 4

/** A commit as the log has it: the changes, each a key, its bits, and the version that it replaced or null; its id; its meta. */
type CommitText = readonly [items: readonly (string | number | null)[], id?: string | null, meta?: string]

/** The commits of one batch: an array of JSON, which saves a record a commit. */
export function encodeLog({ at, sum, commits }: LogGroup): string {
  return JSON.stringify([at, sum, ...commits.map(commitText)])
}

function commitText({ touched, id, meta }: LogCommit): CommitText {
  const items: (string | number | null)[] = []
  for (const one of touched) {
    const bits = (one.gone ? isGone : 0) | (one.wasThere ? wasThere : 0) | (one.idle ? isIdle : 0)
    items.push(one.key, bits, one.replaced ?? null)
  }
  if (meta !== undefined) return [items, id ?? null, encodeStored(0, meta)]
  return id === undefined ? [items] : [items, id]
}

/**
 * Reads the commits of one batch.
 *
 * @throws CORRUPT
 */
export function decodeLog(text: string): LogGroup {
  try {
    const [at, sum, ...commits] = JSON.parse(text) as [number, number, ...CommitText[]]
    if (!Number.isSafeInteger(sum) || commits.length === 0) broken(text)
    return { at, sum, commits: commits.map(commitOf) }
  } catch (error) {
    return broken(text, error)
  }
}

function commitOf([items, id, meta]: CommitText): LogCommit {
  const touched: Touched[] = []
  for (let i = 0; i < items.length; i += 3) {
    const [key, bits, replaced] = items.slice(i, i + 3) as [string, number, number | null]
    touched.push({
      key,
      gone: (bits & isGone) !== 0,
      wasThere: (bits & wasThere) !== 0,
      idle: (bits & isIdle) !== 0,
      replaced: replaced ?? undefined,
    })
  }
  return { touched, id: id ?? undefined, meta: meta === undefined ? undefined : decodeStored('', meta).value }
}

/**
 * Reads a whole number.
 *
 * @throws CORRUPT
 */
export function number(text: string): number {
  const value = Number(text)
  return text !== '' && Number.isSafeInteger(value) && value >= 0 ? value : broken(text)
}

/** Throws that a record is none. */
export function broken(text: string, cause?: unknown): never {
  if (cause instanceof FanlightError) throw cause
  const shown = JSON.stringify(text.slice(0, 40))
  throw new FanlightError('CORRUPT', `a record in LevelDB is damaged: ${shown}. Restore a backup of the folder`, {
    cause,
  })
}
