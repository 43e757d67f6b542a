import { notRun } from '@fanlight/test/support'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findBrowser, lacksBrowser, noBrowser, openBrowser } from '../support/browser.ts'
import { CuttingProxy } from '../support/cutting-proxy.ts'
import { flawsOf } from '../support/flaws-of.ts'
import { type Program, start } from '../support/program.ts'

const path = findBrowser()
const withBrowser = notRun(lacksBrowser(path), noBrowser)

const server = (port = '0'): Program => start('examples/live-list/dist/server.js', port)

async function urlOf(program: Program): Promise<string> {
  const [, url = ''] = await program.says(/is at (\S+)/)
  return url
}

/** What the list of a page shows. */
const itemsOf = (page: Page): Promise<string[]> => page.locator('#list li span').allTextContents()

async function add(page: Page, text: string): Promise<void> {
  await page.getByLabel('What else?').fill(text)
  await page.getByRole('button', { name: 'Add' }).click()
}

const stateOf = (page: Page): Promise<string | null> => page.getByRole('status').textContent()

/** Polls patiently: a machine may be busy with something else. */
const becomes = <T>(look: () => Promise<T>, wanted: T): Promise<void> =>
  expect.poll(look, { timeout: 30_000 }).toEqual(wanted)

withBrowser.describe('the example live-list', () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await openBrowser(path)
  }, 120_000)

  afterAll(() => browser?.close())

  test('what one tab adds or removes, with the keyboard alone, the other shows', async () => {
    await using program = server()
    const url = await urlOf(program)
    const context = await browser.newContext()
    const errors: string[] = []
    const open = async (): Promise<Page> => {
      const page = await context.newPage()
      page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
      page.on('pageerror', (error) => errors.push(error.message))
      await page.goto(url)
      await becomes(() => itemsOf(page), ['bread'])
      expect(await stateOf(page)).toBe('live')
      return page
    }
    const [one, two] = [await open(), await open()]

    await one.getByLabel('What else?').focus()
    for (const text of ['milk', '<b>tea</b>']) {
      await one.keyboard.type(text)
      await one.keyboard.press('Enter')
    }
    for (const page of [one, two]) await becomes(() => itemsOf(page), ['bread', 'milk', '<b>tea</b>'])

    await two.getByRole('button', { name: 'Remove milk' }).focus()
    // An item that goes elsewhere takes no focus with it.
    await one.getByRole('button', { name: 'Remove bread' }).press('Enter')
    for (const page of [one, two]) await becomes(() => itemsOf(page), ['milk', '<b>tea</b>'])
    await two.keyboard.press('Enter')
    for (const page of [one, two]) await becomes(() => itemsOf(page), ['<b>tea</b>'])
    // Whoever removed one is at the next; whoever removed the last can add.
    await two.keyboard.press('Enter')
    for (const page of [one, two]) await becomes(() => itemsOf(page), [])
    await two.keyboard.type('rice')
    await two.keyboard.press('Enter')
    for (const page of [one, two]) await becomes(() => itemsOf(page), ['rice'])

    expect(errors).toEqual([])
    await context.close()
    expect(await program.stop()).toBe(0)
    expect(program.err).toBe('')
  })

  test('a cut is told, and heals by itself: what either side added meanwhile is there once (L4, L7)', async () => {
    await using program = server()
    const url = await urlOf(program)
    await using proxy = await CuttingProxy.open(() => Number(new URL(url).port))
    const context = await browser.newContext()
    const [cut, other] = [await context.newPage(), await context.newPage()]
    await cut.goto(`http://127.0.0.1:${proxy.port}/`)
    await other.goto(url)
    for (const page of [cut, other]) await becomes(() => itemsOf(page), ['bread'])
    proxy.unplug()
    await becomes(() => stateOf(cut), 'no connection, trying again')
    await add(other, 'milk')
    await becomes(() => itemsOf(other), ['bread', 'milk'])
    await add(cut, 'tea')
    expect(await itemsOf(cut)).toEqual(['bread'])
    proxy.plugIn()
    await becomes(() => stateOf(cut), 'live')
    for (const page of [cut, other]) await becomes(async () => (await itemsOf(page)).sort(), ['bread', 'milk', 'tea'])
    expect(await cut.getByRole('alert').textContent()).toBe('')
    await context.close()
  })

  test('the server starts anew, with a list of its own: the page shows it, and goes on', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await using first = server()
    const url = await urlOf(first)
    await page.goto(url)
    await becomes(() => itemsOf(page), ['bread'])
    await add(page, 'milk')
    await becomes(() => itemsOf(page), ['bread', 'milk'])
    expect(await first.stop()).toBe(0)
    await becomes(() => stateOf(page), 'no connection, trying again')
    await using second = server(new URL(url).port)
    expect(await urlOf(second)).toBe(url)
    await becomes(() => itemsOf(page), ['bread'])
    expect(await stateOf(page)).toBe('live')
    await add(page, 'tea')
    await becomes(() => itemsOf(page), ['bread', 'tea'])
    await context.close()
  })

  test('whoever cannot see it, has a phone, or no light, can use it', async () => {
    await using program = server()
    const url = await urlOf(program)
    const papers = new Set<string>()
    for (const [width, colorScheme] of [
      [1200, 'light'],
      [320, 'dark'],
    ] as const) {
      const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme })
      const page = await context.newPage()
      await page.goto(url)
      await becomes(() => itemsOf(page), ['bread'])
      expect(await page.evaluate(flawsOf)).toEqual([])
      papers.add(await page.evaluate(() => getComputedStyle(document.body).backgroundColor))
      await context.close()
    }
    expect(papers.size).toBe(2)
  })
})
