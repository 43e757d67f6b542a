import { type LogCommit, type LogGroup, broken, decodeLog } from './codec.ts'
import type { Disk } from './disk.ts'
import type { Mark } from './history.ts'
import { logEnd, logKey, logVersion } from './keys.ts'

/** So many batches of the log come at once. */
const pageSize = 256

/** The commits of one batch, with where they stand. */
export interface PlacedGroup extends LogGroup {
  /** The version of the last of them. */
  readonly version: number
}

/** A commit of the log. */
export interface PlacedCommit extends LogCommit {
  readonly version: number
}

/** The batches of the log after a version, oldest first: the next few. */
export async function readGroups(disk: Disk, after: number, size: number): Promise<PlacedGroup[]> {
  const pages = disk.pages({ gt: logKey(after), lt: logEnd })
  try {
    return (await pages.next(size)).map(placed)
  } finally {
    pages.close()
  }
}

/** Visits the commits after a version, up to another one. */
export async function visitCommits(
  disk: Disk,
  since: number,
  until: number,
  visit: (commit: PlacedCommit) => void,
): Promise<void> {
  const pages = disk.pages({ gt: logKey(since), lt: logEnd })
  try {
    for (let page = await pages.next(pageSize); page.length > 0; page = await pages.next(pageSize)) {
      for (const item of page) {
        for (const commit of commitsOf(placed(item))) {
          if (commit.version > until) return
          if (commit.version > since) visit(commit)
        }
      }
    }
  } finally {
    pages.close()
  }
}

/** The commit of a version that is known to be in the log. */
export async function readCommitAt(disk: Disk, version: number): Promise<PlacedCommit> {
  const [group] = await readGroups(disk, version - 1, 1)
  const commit = group === undefined ? undefined : commitsOf(group).find((one) => one.version === version)
  return commit ?? broken(logKey(version))
}

/** The newest commit: that of the log, or, where none is left there, the one at which the history begins. */
export async function newestMark(disk: Disk, start: Mark): Promise<Mark> {
  const pages = disk.pages({ gt: logKey(start.version), lt: logEnd, reverse: true })
  try {
    const [last] = await pages.next(1)
    return last === undefined ? start : placed(last)
  } finally {
    pages.close()
  }
}

function placed([place, text]: readonly [string, string]): PlacedGroup {
  return { ...decodeLog(text), version: logVersion(place) }
}

function commitsOf({ version, commits }: PlacedGroup): PlacedCommit[] {
  return commits.map((commit, i) => ({ ...commit, version: version - commits.length + 1 + i }))
}
