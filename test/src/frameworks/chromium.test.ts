/** The recipes of docs/frameworks.md in a real browser, over a connection to a real server. */
import { readFile } from 'node:fs/promises'
import { type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createMemoryStore, put } from '@fanlight/core'
import { serve } from '@fanlight/server'
import { notRun } from '@fanlight/test/support'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { readText } from '../docs/repository.ts'
import { findBrowser, lacksBrowser, noBrowser, openBrowser } from '../support/browser.ts'
import { feedsMax, feedsOf } from './feeds.ts'
import { Kitchen, filesOf, frameworks } from './recipes.ts'

const path = findBrowser()
const withBrowser = notRun(lacksBrowser(path), noBrowser)

/** A busy machine may take its time. */
const patience = { timeout: 30_000 }

/** What a page of the test has. */
declare const recipe: { ask(team: string): void; unmount(): unknown }

/** Serves a page with one script. */
function servePage(script: string): Promise<Server> {
  const html =
    '<!doctype html><link rel="icon" href="data:,"><main></main><script type="module" src="/page.js"></script>'
  const http = createServer(({ url }, response) => {
    const isScript = url === '/page.js'
    response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html' })
    response.end(isScript ? script : html)
  })
  return new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve(http)))
}

withBrowser.describe('the recipes in a browser', () => {
  const kitchen = new Kitchen()
  let browser: Browser

  beforeAll(async () => {
    browser = await openBrowser(path)
  }, 120_000)

  afterAll(async () => {
    await browser?.close()
    kitchen.close()
  })

  test.each(frameworks)(
    '%s: it follows a server, keeps rows, asks anew, and ends what it asked there',
    async (framework) => {
      kitchen.write(framework, filesOf(readText('docs/frameworks.md'), framework))
      const http = await servePage(await readFile(await kitchen.bundle(framework, 'page'), 'utf8'))
      const store = createMemoryStore<{ 'people/': { name: string } }>({ limits: { feeds: feedsMax } })
      await store.commit([put('people/red/a', { name: 'Ann' }), put('people/blue/c', { name: 'Cy' })])
      const server = await serve(store, { server: http, path: '/live' })
      const errors: string[] = []
      const page = await browser.newPage()
      page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
      page.on('pageerror', (error) => errors.push(error.message))
      const becomes = (...names: readonly string[]): Promise<void> =>
        vi.waitFor(async () => expect(await page.locator('li').allTextContents()).toEqual(names), patience)
      await page.goto(`http://127.0.0.1:${(http.address() as AddressInfo).port}/`)
      await becomes('Ann')
      const row = await page.locator('li').elementHandle()
      await store.commit([put('people/red/b', { name: 'Bob' })])
      await becomes('Ann', 'Bob')
      expect(await page.evaluate((one) => one === document.querySelector('li'), row)).toBe(true)
      await page.evaluate(() => recipe.ask('blue'))
      await becomes('Cy')
      await page.evaluate(() => recipe.unmount())
      await becomes()
      await vi.waitFor(async () => expect(await feedsOf(store)).toBe(0), patience)
      expect(errors).toEqual([])
      await page.close()
      await server.close()
      http.closeAllConnections()
      http.close()
      await store.close()
    },
  )
})
