import { readFile } from 'node:fs/promises'
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { readOutlines } from './outlines.ts'
import { type Settings, UsageError } from './settings.ts'

/** Where the page lies when it is built: src and dist have the same parent. */
const folder = fileURLToPath(new URL('../dist/site', import.meta.url))

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
}

const headers = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'self'; img-src 'self' data:; connect-src 'self' ws: wss:",
}

interface File {
  readonly type: string
  readonly body: Buffer
  readonly zipped: Buffer
}

/** Serves the files of the page; the websocket is another's, at the same port. */
export class Site {
  readonly http: Server
  readonly #host: string
  readonly #files = new Map<string, Promise<File>>()
  #isReady = false

  private constructor(host: string) {
    this.#host = host
    this.http = createServer((request, response) => void this.#answer(request, response))
    this.http.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
      if (this.#isReady && pathOf(request) === '/live') return
      socket.on('error', () => socket.destroy())
      const status = this.#isReady ? '404 Not Found' : '503 Service Unavailable'
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
    })
  }

  /**
   * Listens. Until it is ready, it asks for patience.
   *
   * @throws UsageError where the page is not built, or the port cannot be had
   */
  static async open({ port, host }: Settings): Promise<Site> {
    const site = new Site(host)
    await site.#file('/index.html').catch(() => {
      throw new UsageError('The page is not built: start the atlas with npm start.')
    })
    await new Promise<void>((resolve, reject) => {
      site.http.once('error', (error: NodeJS.ErrnoException) => reject(refusal(error, port, host)))
      site.http.listen(port, host, resolve)
    })
    return site
  }

  /** Where a browser finds it. */
  get url(): string {
    const { port } = this.http.address() as AddressInfo
    const name = this.#host === '0.0.0.0' || this.#host === '::' ? 'localhost' : this.#host
    return `http://${name.includes(':') ? `[${name}]` : name}:${port}/`
  }

  /** Makes what takes long, so that nobody has to wait for it. */
  async prepare(): Promise<void> {
    await this.#file('/outlines.json')
  }

  /** From now on the page is served. */
  ready(): void {
    this.#isReady = true
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.http.close(() => resolve())
      this.http.closeAllConnections()
    })
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = pathOf(request)
    if (!this.#isReady) {
      response.writeHead(503, { ...headers, 'content-type': types['.html'], 'retry-after': '1', refresh: '1' })
      response.end('<!doctype html><title>Fanlight atlas</title><p>The atlas loads its cities. One moment.</p>')
      return
    }
    try {
      const { type, body, zipped } = await this.#file(path === '/' ? '/index.html' : path)
      // Built files have a name of their own for each content.
      const cache = path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache'
      const zips = (request.headers['accept-encoding'] ?? '').includes('gzip')
      const encoding = zips ? { 'content-encoding': 'gzip' } : {}
      response.writeHead(200, { ...headers, ...encoding, 'content-type': type, 'cache-control': cache })
      response.end(request.method === 'HEAD' ? undefined : zips ? zipped : body)
    } catch {
      response.writeHead(404, { ...headers, 'content-type': 'text/plain; charset=utf-8' }).end('There is no such page.')
    }
  }

  #file(path: string): Promise<File> {
    let file = this.#files.get(path)
    if (file === undefined) {
      file = path === '/outlines.json' ? outlines() : readBuilt(path)
      this.#files.set(path, file)
      // What is not there is not remembered: whoever asks for anything must not fill the memory.
      file.catch(() => this.#files.delete(path))
    }
    return file
  }
}

async function outlines(): Promise<File> {
  return fileOf(types['.json'] ?? '', Buffer.from(await readOutlines()))
}

async function readBuilt(path: string): Promise<File> {
  const type = types[extname(path)]
  const file = normalize(join(folder, path))
  if (type === undefined || !file.startsWith(folder)) throw new Error(`there is no ${path}`)
  return fileOf(type, await readFile(file))
}

function fileOf(type: string, body: Buffer): File {
  return { type, body, zipped: gzipSync(body) }
}

/** The path that is asked for, decoded; a path that cannot be read is none. */
function pathOf({ url = '/' }: IncomingMessage): string {
  try {
    return decodeURIComponent(new URL(url, 'http://any').pathname)
  } catch {
    return ''
  }
}

function refusal(error: NodeJS.ErrnoException, port: number, host: string): UsageError {
  if (error.code === 'EADDRINUSE') {
    return new UsageError(`Port ${port} is taken: choose another, such as PORT=${port + 1} npm start.`)
  }
  if (error.code === 'EACCES') {
    return new UsageError(`Port ${port} must not be listened on: choose another, such as PORT=8080 npm start.`)
  }
  return new UsageError(`${host}:${port} cannot be listened on: ${error.message}. Choose another HOST or PORT.`)
}
