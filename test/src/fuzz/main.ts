/**
 * `npm run fuzz -- --seconds 600 --seed N`: cases one after another, each with a seed of its own, which is printed.
 * `--seed S --case K` runs one case twice and compares the traces; every tenth case is on a real disk, where they differ. `--cases N` runs so many cases, whatever time it takes. `--mongo` lets half of the leaves be collections of a
 * real MongoDB.
 * Each kind of view, in each mode, is in one case of sixteen at any rate, and in others by chance.
 *
 * @module
 */
import { MongoClient } from 'mongodb'
import { startReplicaSet } from '../support/index.ts'
import { type CaseResult, runCase } from './case.ts'
import { add, belowFloor, noCounters } from './counters.ts'

const options = readOptions(process.argv.slice(2))
const set = options.mongo ? await startReplicaSet() : undefined
const client = set === undefined ? undefined : new MongoClient(set.uri)
const began = performance.now()

if (options.case !== undefined) await replay(options.seed, options.case)
else await fuzz()
await client?.close()
await set?.stop()

async function fuzz(): Promise<void> {
  const total = { ...noCounters }
  let cases = 0
  for (; cases < options.cases && performance.now() - began < options.seconds * 1000; cases++) {
    const result = await runCase(seedOf(options.seed, cases), { onDisk: isOnDisk(cases), client })
    add(total, result.counters)
    const { commits, fetches, steps } = result.counters
    if (options.verbose)
      print(
        `case ${cases} seed ${result.seed} trace ${result.trace}: ${commits} commits, ${fetches} fetches, ${steps} steps`,
      )
    if (result.failure === undefined) continue
    fail(result, cases)
    return
  }
  const seconds = (performance.now() - began) / 1000
  print(`${cases} cases in ${seconds.toFixed(0)} s, seed ${options.seed}: ${JSON.stringify(total)}`)
  const missing = options.cases === Infinity ? belowFloor(total, seconds, options.mongo) : []
  for (const line of missing) print(`below its floor: ${line}`)
  if (missing.length > 0) process.exitCode = 1
  else print('clean')
}

/** Runs one case twice: one seed must give one trace. */
async function replay(seed: number, index: number): Promise<void> {
  const once = (): Promise<CaseResult> => runCase(seedOf(seed, index), { onDisk: isOnDisk(index), client })
  const results = [await once(), await once()] as const
  const [first, second] = results
  print(`case ${index} seed ${first.seed} traces ${first.trace} and ${second.trace}`)
  if (first.failure !== undefined) fail(first, index)
  if (first.trace !== second.trace && (isOnDisk(index) || options.mongo))
    print('a case on a real disk or server is seeded, but not the same twice')
  else if (first.trace !== second.trace) {
    print('the same seed gave two traces: something in the case comes from outside')
    process.exitCode = 1
  }
}

function fail({ seed, failure }: CaseResult, index: number): void {
  print(`case ${index} (seed ${seed}) failed; replay it with: npm run fuzz -- --seed ${options.seed} --case ${index}`)
  for (const line of failure?.tail ?? []) print(`  ${line}`)
  print(failure?.message ?? '')
  process.exitCode = 1
}

/** Every tenth case has its LevelDBs on a real disk. */
function isOnDisk(index: number): boolean {
  return index % 10 === 9
}

/** The seed of a case: far from those of its neighbours. */
function seedOf(seed: number, index: number): number {
  return (Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) >>> 0
}

interface Options {
  readonly seconds: number
  readonly seed: number
  readonly case: number | undefined
  readonly cases: number
  readonly verbose: boolean
  readonly mongo: boolean
}

function readOptions(args: readonly string[]): Options {
  const value = (name: string): number | undefined => {
    const at = args.indexOf(name)
    if (at < 0) return undefined
    const number = Number(args[at + 1])
    if (args[at + 1] === undefined || Number.isNaN(number)) throw new Error(`${name} takes a number`)
    return number
  }
  const cases = value('--cases')
  return {
    seconds: value('--seconds') ?? (cases === undefined ? 60 : Infinity),
    seed: value('--seed') ?? 1,
    case: value('--case'),
    cases: cases ?? Infinity,
    verbose: args.includes('--verbose'),
    mongo: args.includes('--mongo'),
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
