/** Who the clients of a benchmark speak to, and how. */
export type Peer = 'fanlight' | 'ws'

/** What the process with the clients is asked. */
export type Ask =
  | { readonly do: 'open'; readonly peer: Peer; readonly url: string; readonly clients: number }
  | { readonly do: 'reset' }
  | { readonly do: 'tell' }

/** What it tells. */
export interface Told {
  /** Changed entries that were decoded and applied since the last reset, over all clients. */
  readonly deliveries: number
  /** Median time from when the writer wrote to when a client had it, in milliseconds. */
  readonly latencyMs: number
  /** Processor time of the process since the last reset, in milliseconds. */
  readonly cpuMs: number
}
