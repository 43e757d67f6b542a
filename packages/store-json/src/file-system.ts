/** What a file was like when it was looked at. */
export interface FileStat {
  /** Which file it is, whatever it is called: its device and inode. */
  readonly id: string
  /** Another text whenever the content may be another: made of the id, the size and the times. */
  readonly stamp: string
  /** When its content or its attributes changed last, by the file system's clock: nanoseconds since 1970. */
  readonly changedNs: bigint
  readonly bytes: number
  readonly isFile: boolean
  /** The permission bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** A file that is being written, under a name that nobody knows yet. */
export interface NewFile {
  stat(): Promise<FileStat>
  write(content: Uint8Array): Promise<void>
  chown(uid: number, gid: number): Promise<void>
  chmod(mode: number): Promise<void>
  /** Resolves when the content would survive a power cut. */
  sync(): Promise<void>
  close(): Promise<void>
}

/** The file that is to be replaced, as it was read. */
export interface ExpectedFile {
  readonly stamp: string
  /** Its content, where the stamp alone does not prove that it is the same: it changed within the tick of the clock in which it was read. */
  readonly content?: Uint8Array | undefined
}

/**
 * What a JSON store needs of a file system. `nodeFileSystem` is that of the machine; tests put one in its place that crashes.
 * Errors have the `code` of the system: `ENOENT`, `EACCES`.
 */
export interface FileSystem {
  /** What is at the path, links followed; undefined: nothing. */
  stat(path: string): Promise<FileStat | undefined>
  /** Where a symbolic link leads to; undefined: it is none, or nothing is there. */
  readLink(path: string): Promise<string | undefined>
  readFile(path: string): Promise<Uint8Array>
  /** The names in a folder. */
  list(folder: string): Promise<readonly string[]>
  /** Makes a new file with the mode 0600. Fails with EEXIST where something is there. */
  create(path: string): Promise<NewFile>
  /**
   * Gives the file `from` the name `to`, in place of the file that is expected there, with as little time as possible
   * between the look and the renaming. POSIX has no way to do both as one.
   *
   * @param expected undefined: nothing is there
   * @returns false: something else is there, and nothing was done
   */
  replace(from: string, to: string, expected: ExpectedFile | undefined): Promise<boolean>
  remove(path: string): Promise<void>
  /** Resolves when the names in a folder would survive a power cut. */
  syncFolder(folder: string): Promise<void>
  /**
   * Tells of what happens in a folder.
   *
   * @param changed the name that something happened to, where the system says so
   * @param failed  nothing more will be told
   * @returns ends it
   */
  watch(folder: string, changed: (name: string | undefined) => void, failed: (why: unknown) => void): () => void
}
