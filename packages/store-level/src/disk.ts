import { FanlightError, isFanlightError } from '@fanlight/core'
import type { AbstractIterator, AbstractIteratorOptions, AbstractLevel } from 'abstract-level'

/** A database that keys and values are kept in as text, in the order of UTF-8 bytes: classic-level, memory-level. */
export type Level = AbstractLevel<string | Buffer | Uint8Array>

/** One write of a batch. */
export type Operation =
  | { readonly type: 'put'; readonly key: string; readonly value: string }
  | { readonly type: 'del'; readonly key: string }

/** What part of the keyspace is read, and from which end. */
export interface Extent {
  readonly gt?: string
  readonly gte?: string
  readonly lt?: string
  readonly lte?: string
  readonly reverse?: boolean
}

/** Pages of keys with their values, all of one moment: that at which it was made. */
export interface Pages {
  /** At most `size` more; none at the end. */
  next(size: number): Promise<readonly (readonly [string, string])[]>
  /** Lets go of it. It need not be waited for. */
  close(): void
}

/** About how many bytes come at once, so that a range of a hundred keys takes one trip through the thread pool. */
const pageBytes = 2 ** 18

/** The database, with errors of Fanlight. */
export class Disk {
  readonly #level: Level
  readonly #store: string

  constructor(level: Level, store: string) {
    this.#level = level
    this.#store = store
  }

  /** The values of keys, all of one moment: that of the call. */
  getMany(keys: readonly string[]): Promise<readonly (string | undefined)[]> {
    return this.#level.getMany(keys as string[]).catch((error: unknown) => this.#fail(error))
  }

  /** What lies in a part of the keyspace, at the moment of the call. */
  pages(extent: Extent): Pages {
    const iterator = this.#iterator(extent)
    return {
      next: (size) => iterator.nextv(size).catch((error: unknown) => this.#fail(error)),
      close: () => void iterator.close().catch(() => undefined),
    }
  }

  /** Writes all or nothing. */
  async write(operations: readonly Operation[], sync: boolean): Promise<void> {
    // An option of classic-level: others keep nothing that could be lost.
    const options: object = { sync }
    try {
      // A chain costs half of what an array does, which is looked through member by member.
      const batch = this.#level.batch()
      for (const operation of operations) {
        if (operation.type === 'put') batch.put(operation.key, operation.value)
        else batch.del(operation.key)
      }
      await batch.write(options)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Ends the database. */
  async close(): Promise<void> {
    await this.#level.close().catch((error: unknown) => this.#fail(error))
  }

  #iterator(extent: Extent): AbstractIterator<Level, string, string> {
    try {
      // The bytes are an option of classic-level.
      const options: AbstractIteratorOptions<string, string> & object = {
        ...extent,
        highWaterMarkBytes: pageBytes,
      } as object
      return this.#level.iterator(options)
    } catch (error) {
      return this.#fail(error)
    }
  }

  #fail(error: unknown): never {
    throw diskError(error, this.#store, this.#level.status)
  }
}

/**
 * The error of Fanlight for one of the database.
 *
 * @param status of the database
 */
export function diskError(error: unknown, store: string, status: string = 'open'): FanlightError {
  if (error instanceof FanlightError && isFanlightError(error)) return error
  if (status === 'closing' || status === 'closed') {
    return new FanlightError('CLOSED', `${store} is closed: open it again, or ask before you close it`, {
      store,
      cause: error,
    })
  }
  const codes = [error, (error as { cause?: unknown } | undefined)?.cause].map(
    (one) => (one as { code?: unknown } | undefined)?.code,
  )
  if (codes.includes('LEVEL_CORRUPTION')) {
    const message = `LevelDB finds ${store} damaged: restore a backup of the folder, or repair it with classic-level`
    return new FanlightError('CORRUPT', message, { store, cause: error })
  }
  if (codes.includes('LEVEL_LOCKED')) {
    const message = `another store has the folder of ${store} open: close that one first`
    return new FanlightError('UNAVAILABLE', message, { store, cause: error })
  }
  return new FanlightError('UNAVAILABLE', `LevelDB failed under ${store}: see the cause`, { store, cause: error })
}
