/** Who the clients of a benchmark speak to, and how. */
export type Peer = 'fanlight' | 'sharedb' | 'ws'

/** What the process with the clients is asked. */
export type Ask =
  | {
      readonly do: 'open'
      readonly peer: Peer
      readonly url: string
      readonly clients: number
      /** Of every so many deliveries one is timed. */
      readonly timed: number
    }
  | { readonly do: 'reset' }
  | { readonly do: 'tell' }
  | { readonly do: 'times' }
  /** The last client reads its socket no more, or reads it again. */
  | { readonly do: 'pause' | 'resume' }
  /** Whether all clients hold what was written, by its key and the time of it. */
  | { readonly do: 'check'; readonly written: readonly (readonly [key: string, at: number])[] }

/** What it tells. */
export interface Told {
  /** Changed entries that were decoded and applied since the last reset, over all clients. */
  readonly deliveries: number
  /** Those of the last client. */
  readonly ofLast: number
  /** Processor time of the process since the last reset, in milliseconds. */
  readonly cpuMs: number
  /** Asked for times: the median from when the writer wrote to when a client had it, in milliseconds. */
  readonly latencyMs: number
  /** Asked for times: what 99 of 100 deliveries to the first client took less than, in milliseconds. */
  readonly p99Ms: number
  /** Asked to check: how many entries some client does not hold as they were written. */
  readonly wrong: number
}
