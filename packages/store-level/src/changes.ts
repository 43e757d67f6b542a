import type { Change } from '@fanlight/core'
import {
  type Difference,
  type Reading,
  type Spans,
  compareKeys,
  deleted,
  diffEntries,
  replacement,
  spansHave,
} from '@fanlight/core/kit'
import { broken } from './codec.ts'
import type { Ledger } from './ledger.ts'
import { type PlacedCommit, visitCommits } from './log.ts'
import { type Place, readExactly } from './past.ts'
import type { Reader } from './reader.ts'

/** So many keys that changed are told one by one; where there are more, the answer is told instead (L8). */
const keysMax = 10_000

const nothing: Difference = { changes: [], folded: 0 }

/** What differs between the answers at two versions, neither before the horizon: from memory where it knows them. */
export function difference(
  ledger: Ledger,
  reader: Reader,
  spans: Spans,
  since: number,
  until: number,
): Difference | Promise<Difference> {
  const { tail } = ledger
  if (since === until) return nothing
  if (since < tail.start) return differenceOnDisk(ledger, reader, spans, since, until)
  const known = tail.difference(spans, since, until)
  if (!spans.limited || known.folded === 0) return known
  return differenceOfAnswers(ledger, reader, spans, since, until, known.folded)
}

async function differenceOnDisk(
  ledger: Ledger,
  reader: Reader,
  spans: Spans,
  since: number,
  until: number,
): Promise<Difference> {
  const pin = ledger.pins.hold(since)
  try {
    const touched = await readTouched(ledger, spans, since, until)
    const { folded } = touched
    if (folded === 0) return nothing
    if (spans.limited) return await differenceOfAnswers(ledger, reader, spans, since, until, folded)
    if (touched.last.size > keysMax) return await replaced(reader, spans, until, folded)
    return { changes: await changesOf(ledger, touched), folded }
  } finally {
    ledger.pins.release(pin)
  }
}

/** The commits between two versions, as far as they touch the spans. */
interface TouchedKeys {
  /** Of each key the last commit that touched it. */
  readonly last: Map<string, { readonly version: number; readonly gone: boolean }>
  /** The keys that had a value before the first of the commits. */
  readonly wasThere: Set<string>
  folded: number
}

async function readTouched({ disk }: Ledger, spans: Spans, since: number, until: number): Promise<TouchedKeys> {
  const touched: TouchedKeys = { last: new Map(), wasThere: new Set(), folded: 0 }
  await visitCommits(disk, since, until, (commit) => takeCommit(touched, spans, commit))
  return touched
}

function takeCommit(touched: TouchedKeys, spans: Spans, commit: PlacedCommit): void {
  let hit = false
  for (const { key, gone, idle, wasThere } of commit.touched) {
    if (idle || !spansHave(spans, key)) continue
    hit = true
    if (touched.last.size > keysMax) break
    if (wasThere && !touched.last.has(key)) touched.wasThere.add(key)
    touched.last.set(key, { version: commit.version, gone })
  }
  if (hit) touched.folded++
}

async function changesOf({ disk }: Ledger, { last, wasThere }: TouchedKeys): Promise<Change[]> {
  const puts: Place[] = []
  const changes: Change[] = []
  for (const [key, { version, gone }] of last) {
    if (!gone) puts.push({ key, version })
    else if (wasThere.has(key)) changes.push({ key, gone: true })
  }
  const values = await readExactly(disk, puts)
  for (const { key, version } of puts) {
    const value = values.get(key)
    if (value === undefined || value === deleted) broken(`${version} ${key}`)
    changes.push({ key, value })
  }
  return changes.sort((a, b) => compareKeys(a.key, b.key))
}

/** Where a limit makes keys come and go that nobody touched, both answers must be read. */
async function differenceOfAnswers(
  ledger: Ledger,
  reader: Reader,
  spans: Spans,
  since: number,
  until: number,
  folded: number,
): Promise<Difference> {
  const pin = ledger.pins.hold(since)
  try {
    const [before, after] = await Promise.all([reader.read(spans, since), reader.read(spans, until)])
    return { changes: diffEntries(before.entries, after.entries), folded }
  } finally {
    ledger.pins.release(pin)
  }
}

async function replaced(reader: Reader, spans: Spans, until: number, folded: number): Promise<Difference> {
  const { entries }: Reading = await reader.read(spans, until)
  return replacement(spans, entries, folded)
}
