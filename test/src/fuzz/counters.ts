/** The kinds of views, when they are worked out, where they are kept, and what stands on a real server: what each did is counted. */
const labels = [
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
  'mongo',
] as const

/** Of which kind a node is. */
export type Label = (typeof labels)[number]

/** What nodes of a kind did: answers and steps that were checked and that held something. */
type KindCounters = Record<`${Label}Answers` | `${Label}Steps`, number>

/** What a run of the fuzzer did. A kind of event that never happened proves nothing, so each has a floor. */
export interface Counters extends KindCounters {
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
  ...(Object.fromEntries(
    labels.flatMap((label) => [
      [`${label}Answers`, 0],
      [`${label}Steps`, 0],
    ]),
  ) as KindCounters),
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

/** The same for what nodes of a kind did. */
const kindFloor = 100

function isOfKind(name: keyof Counters): boolean {
  return name.endsWith('Answers') || name.endsWith('Steps')
}

/** Adds what a case did to what all did. */
export function add(total: Counters, part: Counters): void {
  for (const name of Object.keys(total) as (keyof Counters)[]) total[name] += part[name]
}

/**
 * What happened too seldom.
 *
 * @param seconds how long the run was: with a real MongoDB, which is slow, each thing must have happened once only
 */
export function belowFloor(total: Counters, seconds: number, hasMongo = false): string[] {
  return (Object.keys(total) as (keyof Counters)[]).flatMap((name) => {
    if (!hasMongo && name.startsWith('mongo')) return []
    const most = floors[name] ?? (isOfKind(name) ? kindFloor : 1)
    const floor = hasMongo ? 1 : Math.max(1, Math.floor((most * seconds) / 600))
    return total[name] < floor ? [`${name}: ${total[name]}, at least ${floor} are needed`] : []
  })
}
