import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Db, MongoClient } from 'mongodb'

/** A mongod that takes longer to start is taken for broken: milliseconds. */
const startMs = 60_000

/** How often it is looked whether it is ready, in milliseconds. */
const lookMs = 50

/** How much of what a mongod says is kept, to tell why it ended: characters. */
const saidMax = 20_000

/** What the set is called, and its database. */
const name = 'atlas'

/** A replica set of one mongod, which ends with this process. */
export class ReplicaSet {
  /** Where a database of it is, for a driver or for mongosh. */
  readonly uri: string
  /** Settles when the mongod has ended, with why. */
  readonly ended: Promise<string>
  readonly #keeper: ChildProcess
  #said = ''

  private constructor(binary: string, folder: string, port: number) {
    this.uri = `mongodb://127.0.0.1:${port}/${name}?replicaSet=${name}`
    const keeper = fileURLToPath(new URL('keeper.js', import.meta.url))
    // In a group of its own: a Ctrl-C goes to this process alone, which ends what uses the mongod first.
    this.#keeper = fork(keeper, [binary, ...argumentsOf(folder, port)], {
      detached: true,
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    const failed = new Promise<string>((resolve) => this.#keeper.once('error', ({ message }) => resolve(message)))
    this.ended = Promise.race([failed, this.#heardToTheEnd()])
  }

  /**
   * Starts a mongod over a folder, and makes a replica set of it where it is none yet.
   *
   * @param signal ends the wait
   * @throws where it ends, or does not get ready, with a message for the person at the terminal
   */
  static async start(binary: string, folder: string, signal: AbortSignal): Promise<ReplicaSet> {
    await mkdir(folder, { recursive: true })
    const port = await freePort()
    const set = new ReplicaSet(binary, folder, port)
    const over = new AbortController()
    try {
      const failed = set.ended.then((why) => Promise.reject(new Error(why)))
      await Promise.race([failed, ready(port, AbortSignal.any([signal, over.signal, AbortSignal.timeout(startMs)]))])
      return set
    } catch (error) {
      await set.close()
      throw error
    } finally {
      // Nobody asks one that has ended whether it is ready.
      over.abort()
    }
  }

  /** What it said last, when it has ended. (Its `close` does not come where this process closed the channel.) */
  async #heardToTheEnd(): Promise<string> {
    const { stdout, stderr } = this.#keeper
    const hear = async (stream: Readable | null): Promise<void> => {
      for await (const text of stream ?? []) {
        this.#said += String(text)
        // Whole lines: half of one says nothing.
        if (this.#said.length > saidMax)
          this.#said = this.#said.slice(this.#said.indexOf('\n', this.#said.length - saidMax / 2) + 1)
      }
    }
    await Promise.all([once(this.#keeper, 'exit'), hear(stdout), hear(stderr)])
    return whyEnded(this.#said)
  }

  /** Ends it, and waits until it has. */
  async close(): Promise<void> {
    if (this.#keeper.connected) this.#keeper.disconnect()
    await this.ended
  }
}

/** Small and quiet, and for this machine alone. */
function argumentsOf(folder: string, port: number): string[] {
  const args = ['--replSet', name, '--dbpath', folder, '--bind_ip', '127.0.0.1', '--port', `${port}`, '--quiet']
  // By itself it takes half of the memory, and hundreds of megabytes of the disk before anything is written.
  args.push('--wiredTigerCacheSizeGB', '0.25', '--oplogSize', '64')
  args.push('--wiredTigerEngineConfigString', 'log=(file_max=4MB,prealloc=false)')
  args.push('--setParameter', 'diagnosticDataCollectionEnabled=false')
  // There is nobody else who could go on in its place.
  args.push('--setParameter', 'shutdownTimeoutMillisForSignaledShutdown=100')
  if (process.platform !== 'win32') args.push('--nounixsocket')
  return args
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

/** Waits until there is a primary. */
async function ready(port: number, signal: AbortSignal): Promise<void> {
  let refused: unknown
  while (!signal.aborted) {
    // A client that found nobody finds nobody later: each attempt has its own.
    const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true&serverSelectionTimeoutMS=1000`)
    try {
      const said = await client.db('admin').command({ hello: 1 })
      if (said['isWritablePrimary'] === true) return
      if (said['setName'] === undefined) await initiate(client.db('admin'), `127.0.0.1:${port}`)
    } catch (error) {
      refused = error
    } finally {
      await client.close()
    }
    await sleep(lookMs)
  }
  throw new Error(`mongod was not ready after ${startMs / 1000} s`, { cause: refused })
}

/** Makes a set of it; one that is a set from an earlier start is told its new port, and stays the same set. */
async function initiate(admin: Db, host: string): Promise<void> {
  try {
    await admin.command({ replSetInitiate: { _id: name, members: [{ _id: 0, host }] } })
  } catch {
    const { config } = await admin.command({ replSetGetConfig: 1 })
    const [member] = config.members
    const next = { ...config, version: config.version + 1, members: [{ ...member, host }] }
    await admin.command({ replSetReconfig: next, force: true })
  }
}

/** What a mongod says last of what is wrong: its log has an object a line. */
function whyEnded(said: string): string {
  const lines = said.trimEnd().split('\n')
  for (const line of lines.toReversed()) {
    try {
      const { s, msg, attr } = JSON.parse(line) as { s: string; msg: string; attr?: { error?: unknown } }
      if (s !== 'E' && s !== 'F') continue
      const { error = msg } = attr ?? {}
      return `mongod ended: ${typeof error === 'string' ? error : JSON.stringify(error)}`
    } catch {
      // No line of the log.
    }
  }
  const last = lines.findLast((line) => line !== '' && !line.startsWith('{"t":'))
  return `mongod ended${last === undefined ? '' : `: ${last}`}`
}
