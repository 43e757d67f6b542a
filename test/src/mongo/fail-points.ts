import type { Document } from 'mongodb'
import type { UsedSet } from './replica-set.ts'

/** Lets a replica set take fail points. */
export const testCommands = { args: ['--setParameter', 'enableTestCommands=1'] } as const

/** Which commands a fail point meets: those of clients with a name, so that a test disturbs only its own. */
interface Met {
  readonly commands: readonly string[]
  readonly appName: string
  /** How often; absent: until it is switched off. */
  readonly times?: number
  /** How many are spared first. */
  readonly skip?: number
}

/** A fail point that is switched on until it is disposed of. */
export interface FailPoint extends AsyncDisposable {
  /** Resolves when it has met a command so many times. Default once. */
  entered(times?: number): Promise<void>
  off(): Promise<void>
}

/** Makes commands fail: `data` is that of `failCommand`. */
export async function failing(
  used: UsedSet,
  { commands, appName, times, skip }: Met,
  data: Document,
): Promise<FailPoint> {
  const admin = used.client.db('admin')
  const mode = times !== undefined ? { times } : skip !== undefined ? { skip } : 'alwaysOn'
  const said = await admin.command({
    configureFailPoint: 'failCommand',
    mode,
    data: { failCommands: commands, appName, ...data },
  })
  const before = Number(said['count'])
  const off = async (): Promise<void> => void (await admin.command({ configureFailPoint: 'failCommand', mode: 'off' }))
  return {
    entered: async (more = 1) => {
      const command = { waitForFailPoint: 'failCommand', timesEntered: before + more, maxTimeMS: 30_000 }
      await admin.command(command)
    },
    off,
    [Symbol.asyncDispose]: off,
  }
}

/** Makes a command wait before it is done. */
export function blocked(
  used: UsedSet,
  { command, appName, ms }: { command: string; appName: string; ms: number },
): Promise<FailPoint> {
  return failing(used, { commands: [command], appName, times: 1 }, { blockConnection: true, blockTimeMS: ms })
}
