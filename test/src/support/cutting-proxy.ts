import { createServer, type Server, type Socket, connect } from 'node:net'

/** What one connection through a proxy carried. */
interface Carried {
  /** Bytes that came from the server. */
  down: number
}

/** A proxy of TCP that cuts its connections wherever a test wants it, in the middle of a frame too. */
export class CuttingProxy implements AsyncDisposable {
  /** Each connection that there was, in order. */
  readonly carried: Carried[] = []
  /** How many of them it cut. */
  cuts = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #target: () => number
  #next: (() => number) | undefined
  #cutAfter = Infinity
  #isOut = false

  private constructor(target: () => number) {
    this.#target = target
    this.#server = createServer((client) => this.#carry(client))
  }

  /**
   * Listens.
   *
   * @param target the port that it leads to, at the time of each connection
   */
  static async open(target: () => number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' ? (address?.port ?? 0) : 0
  }

  /** From now on each connection is cut when so many more bytes have come from the server. */
  cutAfter(bytes: () => number): void {
    this.#next = bytes
    this.#cutAfter = bytes()
  }

  /** From now on no connection is cut. */
  spare(): void {
    this.#next = undefined
    this.#cutAfter = Infinity
  }

  /** Cuts all connections; none comes about until it is plugged in again. */
  unplug(): void {
    this.#isOut = true
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Lets connections come about again. */
  plugIn(): void {
    this.#isOut = false
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.unplug()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #carry(client: Socket): void {
    if (this.#isOut) return void client.destroy()
    const carried: Carried = { down: 0 }
    this.carried.push(carried)
    const server = connect(this.#target(), '127.0.0.1')
    const end = (): void => {
      client.destroy()
      server.destroy()
    }
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      socket.on('error', end).on('close', () => {
        this.#sockets.delete(socket)
        end()
      })
    }
    client.on('data', (bytes) => server.write(bytes))
    server.on('data', (bytes) => {
      const left = this.#cutAfter
      this.#cutAfter -= bytes.length
      carried.down += bytes.length
      if (bytes.length < left) return void client.write(bytes)
      this.cuts++
      this.#cutAfter = this.#next?.() ?? Infinity
      server.destroy()
      client.write(bytes.subarray(0, left), end)
    })
  }
}
