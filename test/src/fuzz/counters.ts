/** The kinds of views, when they are worked out, and where they are kept: what each did is counted. */
const viewLabels = [
  'map',
  'group',
  'join',
  'within',
  'changelog',
  'active',
  'passthrough',
  'lazy',
  'sameKeys',
  'into',
] as const

/** A kind of view. */
export type ViewLabel = (typeof viewLabels)[number]

/** What views of a kind did: answers and steps that were checked and that held something. */
type ViewCounters = Record<`${ViewLabel}Answers` | `${ViewLabel}Steps`, number>

/** What a run of the fuzzer did. A kind of event that never happened proves nothing, so each has a floor. */
export interface Counters extends ViewCounters {
  commits: number
  /** Fetches that were checked. */
  fetches: number
  /** Of these, answers put together from two mounts or more. */
  agreed: number
  /** Points inside windows that were checked. */
  points: number
  steps: number
  stalls: number
  carries: number
  /** Stores closed and opened again, sources that began a new history, routers that asked once more. */
  restarts: number
  powerCuts: number
  remounts: number
  resumes: number
  /** Connections that broke, and that came back. */
  cuts: number
  reconnects: number
  folds: number
  conflicts: number
  /** Answers that were refused with a code: LOST_IN_FOG, STALLED, SOURCE_RESET. */
  refusals: number
  /** Answers of collections of a real MongoDB that were checked. */
  mongoAnswers: number
}

export const noCounters: Readonly<Counters> = {
  commits: 0,
  fetches: 0,
  agreed: 0,
  points: 0,
  steps: 0,
  stalls: 0,
  carries: 0,
  restarts: 0,
  powerCuts: 0,
  remounts: 0,
  resumes: 0,
  cuts: 0,
  reconnects: 0,
  folds: 0,
  conflicts: 0,
  refusals: 0,
  mongoAnswers: 0,
  ...(Object.fromEntries(
    viewLabels.flatMap((label) => [
      [`${label}Answers`, 0],
      [`${label}Steps`, 0],
    ]),
  ) as ViewCounters),
}

/** What must have happened in 600 seconds; in proportion for less. What is not named must have happened at all. */
const floors: Partial<Counters> = {
  commits: 100_000,
  agreed: 10_000,
  stalls: 1000,
  carries: 1000,
  restarts: 100,
  cuts: 1000,
  reconnects: 1000,
}

/** Adds what a case did to what all did. */
export function add(total: Counters, part: Counters): void {
  for (const name of Object.keys(total) as (keyof Counters)[]) total[name] += part[name]
}

/**
 * What happened too seldom.
 *
 * @param seconds how long the run was
 */
export function belowFloor(total: Counters, seconds: number): string[] {
  return (Object.keys(total) as (keyof Counters)[]).flatMap((name) => {
    const floor = Math.max(1, Math.floor(((floors[name] ?? 1) * seconds) / 600))
    return total[name] < floor ? [`${name}: ${total[name]}, at least ${floor} are needed`] : []
  })
}
