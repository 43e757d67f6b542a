import { channelOf, type ConnectOptions, type ConnectionState, type Dial } from '@fanlight/client-browser'

/** How the page is connected, in a word. */
export type Plug = 'connecting' | 'open' | 'lost' | 'unplugged'

/** Where the router is served: at the port of the page. */
export const url: string = new URL('/live', location.href.replace(/^http/, 'ws')).href

const sockets = new Set<WebSocket>()
const listeners = new Set<() => void>()
let isPlugged = true
let connection: ConnectionState = { status: 'connecting', attempt: 0 }

/** Opens sockets that can be unplugged. */
const dial: Dial = (to) => {
  if (!isPlugged) throw new Error('this page is unplugged')
  const socket = new WebSocket(to)
  sockets.add(socket)
  socket.addEventListener('close', () => sockets.delete(socket))
  return channelOf(socket)
}

/** A page waits as long as it is open, and comes back soon. */
export const options: ConnectOptions = { dial, timeoutMs: Infinity, retryMs: 200, retryMsMax: 1000 }

/** The same, for the connection whose state is shown. */
export const shownOptions: ConnectOptions = {
  ...options,
  onConnection: (state) => {
    connection = state
    tell()
  },
}

/** How the page is connected. */
export function plugged(): Plug {
  if (!isPlugged) return 'unplugged'
  if (connection.status === 'open') return 'open'
  return connection.why === undefined ? 'connecting' : 'lost'
}

/** Pulls the plug of all connections of this page, or puts it in again. */
export function setPlugged(on: boolean): void {
  isPlugged = on
  if (!on) for (const socket of sockets) socket.close()
  tell()
}

/** Calls back whenever the connection changed. */
export function onPlug(callback: () => void): void {
  listeners.add(callback)
}

function tell(): void {
  for (const listener of listeners) listener()
}
