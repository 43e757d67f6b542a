import { createServer, type IncomingMessage, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { FanlightError } from '@fanlight/core'
import { WebSocketServer } from 'ws'
import { Hub, type HubOptions, type Served } from './hub.ts'
import { channelOf } from './ws-channel.ts'

/** Options of `serve`. */
export interface ServeOptions extends HubOptions {
  /** Default 0: any free port. */
  readonly port?: number | undefined
  /** Default '127.0.0.1': only this machine. */
  readonly host?: string | undefined
  /** Where it listens on a server of one's own. Default '/'. */
  readonly path?: string | undefined
  /** A server of one's own to listen on; then `port` and `host` are its own affair. */
  readonly server?: HttpServer | undefined
  /**
   * Pages of which origins may connect, such as 'https://app.example'. Default: those whose host is the one that they connect
   * to; where it listens for this machine only, that must be called localhost, 127.0.0.1 or [::1], since anyone can point a name
   * at this machine (DNS rebinding). Behind a proxy, say which. Programs that are no browsers send no origin, and may.
   */
  readonly origins?: readonly string[] | undefined
}

/** Who was told that the connection is over has so long to say good-bye, in milliseconds. */
const goodByeMs = 5_000

/** A store that is served. */
export interface Server extends AsyncDisposable {
  /** Where it listens: 'ws://127.0.0.1:4000/'. */
  readonly url: string
  readonly port: number
  /** How many clients there are. */
  readonly connections: number
  /** Ends all connections, and stops to listen; the store stays open. */
  close(): Promise<void>
}

/**
 * Serves a store to browsers and to other processes, over websockets.
 *
 * @param store   what is served: any store, a router most of all. It stays open when the server closes
 * @param options where to listen, who may connect, and limits
 * @throws UNAVAILABLE where the port is taken, or must not be listened on
 *
 * @example
 * ```ts
 * import { createMemoryStore, get, put } from '@fanlight/core'
 * import { connect } from '@fanlight/client-browser'
 * import { serve } from '@fanlight/server'
 *
 * const store = createMemoryStore()
 * const server = await serve(store)
 * const remote = await connect<typeof store>(server.url)
 * await remote.commit([put('a', 1)])
 * console.log(await get(store, 'a')) // 1
 * await remote.close()
 * await server.close()
 * ```
 */
export async function serve(store: Served, options: ServeOptions = {}): Promise<Server> {
  const { port = 0, host = '127.0.0.1', path = '/', origins } = options
  const hub = new Hub(store, options)
  const http =
    options.server ?? createServer((_, response) => response.writeHead(426).end('a websocket is served here'))
  // Compression would let a small frame become a large one, and hold memory for each connection.
  const socketOptions = {
    noServer: true,
    maxPayload: hub.limits.frameBytes,
    perMessageDeflate: false,
    closeTimeout: goodByeMs,
  }
  const sockets = new WebSocketServer(socketOptions)
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', () => socket.destroy())
    if (pathOf(request) !== path) {
      if (options.server === undefined) refuse(socket, '404 Not Found')
      return
    }
    if (!mayConnect(request, origins, isLocal(http.address()))) return refuse(socket, '403 Forbidden')
    sockets.handleUpgrade(request, socket, head, (one) => hub.accept(channelOf(one)))
  }
  http.on('upgrade', upgrade)
  if (options.server === undefined) await listen(http, port, host)
  const address = http.address() as AddressInfo | null
  const close = async (): Promise<void> => {
    http.off('upgrade', upgrade)
    hub.close()
    sockets.close()
    if (options.server !== undefined) return
    await new Promise<void>((resolve) => {
      http.close(() => resolve())
      http.closeAllConnections()
    })
  }
  let closing: Promise<void> | undefined
  return {
    url: `ws://${hostOf(address, host)}:${address?.port ?? port}${path}`,
    port: address?.port ?? port,
    get connections() {
      return hub.size
    },
    close: () => (closing ??= close()),
    [Symbol.asyncDispose]: () => (closing ??= close()),
  }
}

/** What was asked for, without the query; it may be anything at all. */
function pathOf({ url = '/' }: IncomingMessage): string {
  return URL.canParse(url, 'ws://any') ? new URL(url, 'ws://any').pathname : url
}

function hostOf(address: AddressInfo | null, host: string): string {
  if (address === null) return host
  return address.family === 'IPv6' ? `[${address.address}]` : address.address
}

/**
 * A page may connect to where it came from, or where it is listed; a program that is no page may connect.
 *
 * @param local whether only this machine can connect
 */
function mayConnect({ headers }: IncomingMessage, origins: readonly string[] | undefined, local: boolean): boolean {
  const { origin, host } = headers
  if (origin === undefined) return true
  if (origins !== undefined) return origins.includes(origin)
  if (!URL.canParse(origin) || new URL(origin).host !== host) return false
  return !local || localNames.has(new URL(origin).hostname)
}

/** What this machine is called by itself. Other names are whose who made them. */
const localNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Whether a server can be reached from this machine only. */
function isLocal(address: AddressInfo | string | null): boolean {
  // To a socket of the file system no browser connects by itself.
  if (address === null || typeof address === 'string') return false
  return address.address === '::1' || /^(::ffff:)?127\./.test(address.address)
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

function listen(http: HttpServer, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      const why = error.code === 'EADDRINUSE' ? 'it is taken: choose another' : 'see the cause'
      reject(
        new FanlightError('UNAVAILABLE', `port ${port} of ${host} cannot be listened on: ${why}`, { cause: error }),
      )
    }
    http.once('error', failed)
    http.listen(port, host, () => {
      http.off('error', failed)
      resolve()
    })
  })
}
