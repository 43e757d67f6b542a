import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createMemoryStore, everything, put } from '@fanlight/core'
import { serve } from '@fanlight/server'
import { notRun } from '@fanlight/test/support'
import type { Browser } from 'playwright-core'
import { build, type Rollup } from 'vite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findBrowser, lacksBrowser, noBrowser, openBrowser } from '../support/browser.ts'
import type { MirrorPage } from './mirror-page.ts'

const path = findBrowser()
const withBrowser = notRun(lacksBrowser(path), noBrowser)

const cuts = 20
const pairs = 50
const ownCommits = 300

/** What a page of the test runs with. */
declare const page: MirrorPage

/** The page as one file. */
async function bundled(): Promise<string> {
  const built = (await build({
    configFile: false,
    logLevel: 'warn',
    root: fileURLToPath(new URL('.', import.meta.url)),
    build: {
      write: false,
      modulePreload: false,
      rollupOptions: { input: fileURLToPath(new URL('mirror-page.ts', import.meta.url)) },
    },
  })) as Rollup.RollupOutput
  return built.output[0].code
}

/** Serves a page with one script, and keeps the sockets, so that they can be cut. */
function servePage(script: string, sockets: Set<Socket>): Promise<Server> {
  const http = createServer(({ url }, response) => {
    const isScript = url === '/page.js'
    response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html' })
    const html = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>'
    response.end(isScript ? script : html)
  })
  http.on('upgrade', (_, socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve(http)))
}

withBrowser.describe('the client in a browser', () => {
  let browser: Browser
  let script = ''

  beforeAll(async () => {
    script = await bundled()
    browser = await openBrowser(path)
  }, 120_000)

  afterAll(() => browser?.close())

  test('cut twenty times under load, a mirror equals the store; nothing is seen twice or torn (L4, L6, L7)', async () => {
    const sockets = new Set<Socket>()
    const store = createMemoryStore()
    const http = await servePage(script, sockets)
    const server = await serve(store, { server: http, path: '/live' })
    const tab = await browser.newPage()
    const errors: string[] = []
    tab.on('pageerror', (error) => errors.push(error.message))
    await tab.goto(`http://127.0.0.1:${(http.address() as AddressInfo).port}/`)
    await tab.waitForFunction(() => page !== undefined && page.opened > 0)

    const load = new AbortController()
    let commits = 0
    const loading = (async () => {
      for (let n = 1; !load.signal.aborted; n++) {
        const i = n % pairs
        await store.commit([put(`a/${i}`, n), put(`b/${i}`, n)])
        commits++
        await sleep(1)
      }
    })()
    const committed = tab.evaluate((count) => page.commit(count), ownCommits)
    for (let cut = 1; cut <= cuts; cut++) {
      // Each after what came since the one before, and in the midst of what comes.
      const steps = await tab.evaluate(() => page.steps)
      await tab.waitForFunction((before) => page.steps > before + 5, steps)
      for (const socket of sockets) socket.destroy()
      await tab.waitForFunction((times) => page.opened > times, cut)
    }
    await committed
    load.abort()
    await loading

    const copy = await tab.evaluate(() => page.settled())
    const { entries } = await store.fetch(everything)
    expect(copy).toEqual(entries.map(({ key, value }) => [key, value]))
    expect(await tab.evaluate(() => page.flaws)).toEqual([])
    expect(await tab.evaluate(() => page.opened)).toBeGreaterThan(cuts)
    // Each of the page's own commits was applied once, however often it was sent.
    expect(Object.values(store.reached)).toEqual([commits + ownCommits])
    expect(errors).toEqual([])
    await tab.close()
    await server.close()
    http.closeAllConnections()
    await new Promise((resolve) => http.close(resolve))
    await store.close()
  })
})
