import * as fc from 'fast-check'
import type { HistoryLimits } from '../limits.ts'
import { breathe } from '../testing/turns.ts'
import { Bench } from './bench.ts'
import { ensure, show } from './check.ts'
import { Player } from './player.ts'
import { type Script, anyScript } from './script.ts'
import type { Setup } from './setup.ts'
import { type Traffic, noTraffic } from './world.ts'

/** How many random histories are tried. */
export interface RandomOptions {
  /** How many. Default: `setup.runs` times `FANLIGHT_RUNS`. */
  readonly runs?: number | undefined
  /** Default: that of `FANLIGHT_SEED`, else another one each time. */
  readonly seed?: number | undefined
  /** Whether a history that fails is made shorter before it is shown. Default true. */
  readonly shrink?: boolean | undefined
}

const runsDefault = 100

/**
 * Plays random histories on fresh stores, and holds all that is seen against the model (L0 to L9). A failure says its seed
 * and the shortest history that fails; `FANLIGHT_SEED` plays it again, `FANLIGHT_RUNS` multiplies how many are tried.
 *
 * @returns how much was done
 * @throws Error with the law, the seed and the history
 */
export async function checkRandomHistories(setup: Setup, options: RandomOptions = {}): Promise<Traffic> {
  const traffic = noTraffic()
  const probe = await Bench.open(setup)
  const script = anyScript(probe)
  const { commitsWhatItShows } = probe
  const { single } = probe.store.supports
  await probe.close()
  const histories = fc.constantFrom<(HistoryLimits | undefined)[]>(undefined, undefined, { commits: 1 }, { commits: 4 })
  const property = fc.asyncProperty(fc.scheduler(), script, histories, (scheduler, turns, history) =>
    play(setup, scheduler, turns, history, traffic),
  )
  const numRuns = options.runs ?? Math.max(1, Math.round((setup.runs ?? runsDefault) * runsFactor()))
  const seed = options.seed ?? seedOf()
  const endOnFailure = options.shrink === false
  const outcome = await fc.check(property, {
    numRuns,
    endOnFailure,
    ...(seed === undefined ? {} : { seed }),
    ...pathOf(),
  })
  if (outcome.failed) throw failureOf(outcome)
  if (numRuns >= 20) checkFloors(traffic, commitsWhatItShows && !single)
  return traffic
}

async function play(
  setup: Setup,
  scheduler: fc.Scheduler,
  script: Script,
  history: HistoryLimits | undefined,
  traffic: Traffic,
): Promise<void> {
  await Bench.lend(setup, { history }, async (bench) => {
    const player = new Player(bench, traffic)
    const failures: unknown[] = []
    for (const ops of script) {
      let left = ops.length
      for (const op of ops) {
        const done = scheduler.schedule(Promise.resolve(), op.do).then(() => player.run(op))
        done.catch((error: unknown) => failures.push(error)).finally(() => left--)
      }
      await scheduler.waitIdle()
      // What waits for the disk gets a moment; what waits for a later turn goes on beside it.
      for (let i = 0; left > 0 && i < 4; i++) await breathe()
      if (failures.length > 0) throw failures[0]
    }
    await player.finish()
    if (failures.length > 0) throw failures[0]
  })
}

/** What went wrong, how to play it again, and the history that showed it. */
function failureOf<T>(outcome: fc.RunDetails<T>): Error {
  const { seed, counterexamplePath, errorInstance: cause } = outcome
  const what = cause instanceof Error ? cause.message : String(cause)
  const report = fc.defaultReportMessage(outcome) ?? ''
  return new Error(`${what}\nAgain: FANLIGHT_SEED=${seed},${counterexamplePath ?? ''}\n${report}`, { cause })
}

/** A run in which a kind of thing never happened says nothing of it. */
function checkFloors(traffic: Traffic, conflicts: boolean): void {
  const least: (keyof Traffic)[] = [
    'write',
    'fetch',
    'changes',
    'take',
    'steps',
    'quiet',
    'points',
    'waited',
    'setQuery',
    'resume',
  ]
  if (conflicts) least.push('conflicts')
  const missing = least.filter((kind) => traffic[kind] === 0)
  ensure(missing.length === 0, () => `the histories had no ${missing.join(', ')}: ${show(traffic)}`)
}

/** `FANLIGHT_RUNS`: how many times the usual number of histories is tried. */
export function runsFactor(): number {
  const text = environment('FANLIGHT_RUNS')
  if (text === undefined) return 1
  const factor = Number(text)
  ensure(factor > 0 && Number.isFinite(factor), () => `FANLIGHT_RUNS is a number above 0, not ${text}`)
  return factor
}

/** `FANLIGHT_SEED`: a seed, perhaps with a comma and the path that fast-check printed. */
function seedOf(): number | undefined {
  const text = environment('FANLIGHT_SEED')
  if (text === undefined) return undefined
  const seed = Number(text.split(',')[0])
  ensure(Number.isSafeInteger(seed), () => `FANLIGHT_SEED is a whole number, or one with ",path": not ${text}`)
  return seed
}

function pathOf(): { path?: string } {
  const path = environment('FANLIGHT_SEED')?.split(',')[1]
  return path === undefined ? {} : { path }
}

/** Variables of the process, where there is one: in a browser there is none. */
function environment(name: string): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } }
  const text = process?.env?.[name]
  return text === '' ? undefined : text
}
