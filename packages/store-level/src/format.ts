import { FanlightError, type SourceId } from '@fanlight/core'
import { type Lineage, decodeLineage, encodeLineage, nextLineage } from './lineage.ts'
import { broken, number } from './codec.ts'
import type { Disk } from './disk.ts'
import type { Mark } from './history.ts'
import { formatKey, horizonKey, lineageKey } from './keys.ts'
import { newestMark } from './log.ts'

/** The format that is written, and the only one that is read. */
const format = 1
const formatName = 'fanlight-level'

/** What says that something is a store, and in which format. */
export const formatText: string = `${formatName} ${format}`

/**
 * Checks what says that something is a store.
 *
 * @param where what to call it in errors
 * @throws CORRUPT where it is none, or of a format that this code does not know
 */
export function readFormat(text: string, where: string): void {
  if (text === formatText) return
  const [name, version = '', ...rest] = text.split(' ')
  if (name === formatName && rest.length === 0 && Number(version) > format) {
    const message = `${where} is of format ${version}, which this release does not know: open it with a later one`
    throw new FanlightError('CORRUPT', message, { store: where })
  }
  throw new FanlightError('CORRUPT', `${where} is not what openLevelStore wrote: name an empty place, or another`, {
    store: where,
  })
}

/** What a store is when it is opened. */
export interface Opened {
  readonly lineage: Lineage
  readonly start: Mark
  readonly newest: Mark
}

/**
 * Reads what an earlier run wrote, or begins a store in an empty database; in either case the new incarnation is durable
 * when this resolves.
 *
 * @param where  what to call it in errors
 * @param source the source that the store is from now on
 * @throws CORRUPT, UNAVAILABLE
 */
export async function openFormat(disk: Disk, where: string, source: SourceId): Promise<Opened> {
  const [formatFound, lineageFound, horizonFound] = await disk.getMany([formatKey, lineageKey, horizonKey])
  if (formatFound === undefined) return begin(disk, where, nextLineage(source, undefined, 0))
  readFormat(formatFound, where)
  const start = decodeMark(horizonFound ?? broken(horizonKey))
  const newest = await newestMark(disk, start)
  const lineage = nextLineage(source, decodeLineage(lineageFound ?? broken(lineageKey)), newest.version)
  await disk.write([{ type: 'put', key: lineageKey, value: encodeLineage(lineage) }], true)
  return { lineage, start, newest }
}

async function begin(disk: Disk, where: string, lineage: Lineage): Promise<Opened> {
  const pages = disk.pages({})
  try {
    const page = await pages.next(1)
    if (page.length > 0) readFormat('', where)
  } finally {
    pages.close()
  }
  const start: Mark = { version: 0, sum: 0 }
  const records = { [formatKey]: formatText, [lineageKey]: encodeLineage(lineage), [horizonKey]: '[0,0]' }
  await disk.write(
    Object.entries(records).map(([key, value]) => ({ type: 'put', key, value })),
    true,
  )
  return { lineage, start, newest: start }
}

function decodeMark(text: string): Mark {
  const [, version = '', sum = ''] = /^\[(\d+),(\d+)\]$/.exec(text) ?? broken(text)
  return { version: number(version), sum: number(sum) }
}
