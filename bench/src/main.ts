/**
 * `npm run bench`: each figure beside its limit or its peer, in the same run. `--json` prints a line a row; names of rows
 * as arguments measure these only.
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Notes, Result, Row } from './row.ts'
import { rows } from './rows.ts'

const run = promisify(execFile)
const pairFile = fileURLToPath(new URL('./pair.js', import.meta.url))
const json = process.argv.includes('--json')
const asked = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const unknown = asked.find((name) => !rows.some((row) => row.name === name))
if (unknown !== undefined) {
  process.stderr.write(`There is no row ${unknown}. Rows: ${rows.map(({ name }) => name).join(', ')}\n`)
  process.exit(2)
}

if (!json) print(['row', 'ours', 'unit', 'beside', 'ratio', 'reach'])
let short = 0
/** What is told below the table. */
const below: string[] = []
for (const row of rows) {
  if (asked.length > 0 && !asked.includes(row.name)) continue
  const why = await row.whyNot?.()
  if (why !== undefined) {
    below.push(`${row.name} not run: ${why}`)
    continue
  }
  for (const index of row.pairs.keys()) {
    const result = await measure(row, index)
    const reach = row.reach[index] ?? 0
    if (result.ratio < reach) short++
    if (json) process.stdout.write(`${JSON.stringify(result)}\n`)
    else {
      print([result.name, rounded(result.value), result.unit, result.against, rounded(result.ratio), `${reach}`])
      if (result.notes !== undefined) below.push(noteOf(result, result.notes))
    }
  }
}
if (!json) {
  if (below.length > 0) process.stdout.write(`\n${below.join('\n')}\n\n`)
  process.stdout.write(
    short === 0 ? 'Every row reaches what it must.\n' : `${short} fall short of what they must reach.\n`,
  )
}

async function measure(row: Row, index: number): Promise<Result> {
  const { stdout } = await run(
    process.execPath,
    ['--expose-gc', '--max-old-space-size=4096', pairFile, row.name, String(index)],
    {
      env: { ...process.env, NODE_ENV: 'production' },
      maxBuffer: 2 ** 20,
    },
  )
  return JSON.parse(stdout) as Result
}

function print(cells: readonly string[]): void {
  process.stdout.write(`| ${cells.join(' | ')} |\n`)
  if (cells[0] === 'row') process.stdout.write(`|${' --- |'.repeat(cells.length)}\n`)
}

function noteOf({ name, against }: Result, { ours, theirs }: { readonly ours: Notes; readonly theirs: Notes }): string {
  const told = (notes: Notes): string =>
    Object.entries(notes)
      .map(([what, value]) => `${rounded(value)} ${what}`)
      .join(', ')
  return `${name} beside ${against}:\n  ours: ${told(ours)}\n  theirs: ${told(theirs)}`
}

function rounded(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en')
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
