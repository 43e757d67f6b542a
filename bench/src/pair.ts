/**
 * Measures one pair, in a process of its own: ours and theirs in turns, so that a drift of the machine meets both.
 *
 * @module
 */
import type { Notes, Result } from './row.ts'
import { rows } from './rows.ts'

/** At least so many turns each; the first of each is a warm-up and does not count. */
const turns = 7

const [name, index] = process.argv.slice(2)
const row = rows.find((candidate) => candidate.name === name)
const pair = row?.pairs[Number(index)]
if (row === undefined || pair === undefined) throw new Error(`there is no pair ${index} of a row ${name}`)

const ours = await pair.ours()
const theirs = await pair.theirs()
const measured: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] }
const noted: { ours: Notes[]; theirs: Notes[] } = { ours: [], theirs: [] }
for (let turn = 0; turn <= turns; turn++) {
  // Who goes first changes with the turn.
  for (const side of turn % 2 === 0 ? (['ours', 'theirs'] as const) : (['theirs', 'ours'] as const)) {
    const one = side === 'ours' ? ours : theirs
    const value = await one.measure()
    if (turn === 0) continue
    measured[side].push(value)
    if (one.notes !== undefined) noted[side].push(one.notes())
  }
}
await ours.close?.()
await theirs.close?.()

const value = median(measured.ours)
const other = median(measured.theirs)
const result: Result = {
  name: row.name,
  value,
  unit: row.unit,
  against: pair.against,
  ratio: row.more ? value / other : other / value,
  ...(noted.ours.length === 0 ? {} : { notes: { ours: medians(noted.ours), theirs: medians(noted.theirs) } }),
}
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0))

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}

function medians(notes: readonly Notes[]): Notes {
  return Object.fromEntries(
    Object.keys(notes[0] ?? {}).map((name) => [name, median(notes.map((one) => one[name] ?? 0))]),
  )
}
