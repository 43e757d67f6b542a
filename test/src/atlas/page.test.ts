import { execFile, type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { MongoClient } from 'mongodb'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { findMongod, needsMongod, notRun } from '@fanlight/test/support'
import { findBrowser, lacksBrowser, noBrowser, openBrowser } from '../support/browser.ts'
import { flawsOf } from '../support/flaws-of.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../..', import.meta.url))
const main = join(root, 'examples/atlas/dist/main.js')
const path = findBrowser()
const withBrowser = notRun(lacksBrowser(path), noBrowser)
const withMongod = await needsMongod()

/** A folder with few cities, so that the atlas starts within seconds. */
let folder = ''
const env = (): NodeJS.ProcessEnv => ({
  ...process.env,
  DATA_DIR: folder,
  CITIES: '3000',
  PORT: '0',
  HOST: '127.0.0.1',
})

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fanlight-page-'))
  await run(process.execPath, [join(root, 'scripts/site.mjs')], { cwd: root })
}, 120_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

/** Starts the atlas, and tells where it is. */
function start(
  port = '0',
  more: NodeJS.ProcessEnv = {},
): { readonly child: ChildProcess; readonly url: Promise<string> } {
  const child = spawn(process.execPath, [main], { env: { ...env(), PORT: port, ...more } })
  const url = new Promise<string>((resolve, reject) => {
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      const found = /The atlas is at (\S+)/.exec(output)?.[1]
      if (found !== undefined) resolve(found)
    })
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.once('close', () => reject(new Error(`the atlas ended: ${output}`)))
  })
  return { child, url }
}

/** What an attempt to open a websocket is answered, from a page of an origin. */
function statusOfUpgrade(url: URL, origin: string): Promise<number> {
  const headers = {
    origin,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  }
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers })
    asked.once('response', ({ statusCode = 0 }) => resolve(statusCode))
    asked.once('upgrade', () => resolve(101))
    asked.once('error', reject)
    asked.end()
  })
}

describe('the address of the atlas', () => {
  test('a port that is taken, or is none, is told at once', { timeout: 60_000 }, async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    const fails = async (wanted: string): Promise<string> => {
      const error = await run(process.execPath, [main], { env: { ...env(), PORT: wanted } }).catch((e: unknown) => e)
      const { code, stderr } = error as { code: number; stderr: string }
      expect(code).toBe(1)
      return stderr
    }
    expect(await fails(`${port}`)).toMatch(new RegExp(`^Port ${port} is taken: choose another`))
    expect(await fails('eighty')).toContain('PORT must be a number')
    other.close()
  })

  test('it gives the page and nothing else, and no websocket to other origins', { timeout: 60_000 }, async () => {
    const { child, url } = start()
    const at = await url
    const home = await fetch(at)
    expect(home.headers.get('content-type')).toContain('text/html')
    expect(home.headers.get('content-security-policy')).toContain("default-src 'self'")
    for (const bad of ['nothing.html', '..%2f..%2fpackage.json', '%2e%2e/main.js', 'assets/../../main.js', '%']) {
      expect(`${bad}: ${(await fetch(new URL(bad, at))).status}`).toBe(`${bad}: 404`)
    }
    const upgrade = await statusOfUpgrade(new URL('/live', at), 'http://elsewhere.example')
    expect(upgrade).toBe(403)
    expect(await statusOfUpgrade(new URL('/other', at), at.slice(0, -1))).toBe(404)
    const ended = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGINT')
    expect(await ended).toBe(0)
  })
})

withBrowser.describe('the page of the atlas', () => {
  let browser: Browser
  let atlas: ReturnType<typeof start>
  let url = ''

  beforeAll(async () => {
    browser = await openBrowser(path)
    atlas = start()
    url = await atlas.url
  }, 120_000)

  /** Those of single tests, in case one fails. */
  const others: ChildProcess[] = []

  afterAll(async () => {
    await browser?.close()
    atlas?.child.kill('SIGINT')
    for (const other of others) other.kill('SIGKILL')
  })

  /** Opens the page; what its console says of errors comes into the list. */
  async function open(context: BrowserContext, errors: string[], at: string = url): Promise<Page> {
    const page = await context.newPage()
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
    page.on('pageerror', (error) => errors.push(error.message))
    await page.goto(at)
    return page
  }

  const numberOf = async (page: Page, id: string): Promise<number> =>
    Number((await page.locator(`#${id}`).textContent())?.replaceAll(',', ''))

  const becomes = (page: Page, id: string, text: string): Promise<unknown> =>
    page.waitForFunction(([id, text]) => document.getElementById(id ?? '')?.textContent === text, [id, text])

  test('it moves within two seconds; the left tears, the right never; the console is silent (L3)', async () => {
    const errors: string[] = []
    const context = await browser.newContext()
    // Whoever opens it a third time has a machine that was busy with something else.
    let movedMs = Infinity
    for (let i = 0; i < 3 && movedMs > 2000; i++) {
      const page = await open(context, errors)
      await page.waitForFunction(() => Number(document.getElementById('torn-promise-all')?.textContent) > 0)
      movedMs = await page.evaluate(() => performance.now())
      if (movedMs > 2000) await page.close()
    }
    expect(movedMs).toBeLessThan(2000)
    const page = context.pages().at(-1) as Page
    const before = await numberOf(page, 'torn-promise-all')
    await page.waitForFunction((n) => Number(document.getElementById('torn-promise-all')?.textContent) > n + 20, before)
    await page.waitForFunction(() => Number(document.getElementById('answers-fanlight')?.textContent) > 5)
    expect(await numberOf(page, 'torn-fanlight')).toBe(0)
    expect(await page.locator('#panel-promise-all').getAttribute('class')).toContain('is-torn')
    expect(await page.locator('#panel-fanlight').getAttribute('class')).not.toContain('is-torn')
    const frozen = /^data says .+ [\d,]+, index says [\d,]+\.$/
    await page.waitForFunction(() => document.getElementById('frozen-promise-all')?.textContent !== 'None yet.')
    expect(await page.locator('#frozen-promise-all').textContent()).toMatch(frozen)
    expect(await page.locator('#versions-promise-all').textContent()).toMatch(/version [\d,]+, the index of version/)
    expect((await page.locator('#code').textContent())?.split('\n').length).toBeLessThanOrEqual(15)
    await context.close()
    expect(errors).toEqual([])
  })

  test('unplugged, it says so; it comes back by itself and goes on', async () => {
    const errors: string[] = []
    const context = await browser.newContext()
    const page = await open(context, errors)
    await becomes(page, 'connection', 'live')
    await page.waitForFunction(() => Number(document.getElementById('answers-fanlight')?.textContent) > 0)
    await page.click('#unplug')
    await becomes(page, 'connection', 'unplugged')
    await page.waitForFunction(() => document.getElementById('as-of')?.textContent?.startsWith('What is shown is of'))
    const before = await numberOf(page, 'answers-fanlight')
    await becomes(page, 'connection', 'live')
    await page.waitForFunction(
      (n) => Number(document.getElementById('answers-fanlight')?.textContent?.replaceAll(',', '')) > n + 1,
      before,
    )
    expect(await numberOf(page, 'torn-fanlight')).toBe(0)
    await context.close()
    expect(errors).toEqual([])
  })

  test('two tabs see one commit at one version; a frozen index tears on the left, and is waited for on the right', async () => {
    const context = await browser.newContext()
    const [one, two] = [await open(context, []), await open(context, [])]
    for (const page of [one, two]) {
      await page.waitForFunction(() => Number(document.getElementById('settings-version')?.textContent) > 0)
    }
    await one.fill('#lag', '400')
    await becomes(two, 'intro-lag', '400')
    await becomes(one, 'intro-lag', '400')
    const before = await numberOf(two, 'settings-version')
    await one.click('#freeze')
    for (const page of [one, two]) {
      await page.waitForFunction(() => document.getElementById('freeze')?.getAttribute('aria-pressed') === 'true')
      expect(await numberOf(page, 'settings-version')).toBe(before + 1)
    }
    await two.waitForFunction(() => document.getElementById('note-fanlight')?.textContent?.startsWith('waits'))
    // Who takes what is there already has an answer, an old one, and a true one.
    await two.check('#older')
    const answers = await numberOf(two, 'answers-fanlight')
    await two.waitForFunction(
      (n) => Number(document.getElementById('answers-fanlight')?.textContent?.replaceAll(',', '')) > n + 3,
      answers,
    )
    await two.click('#freeze')
    for (const page of [one, two]) expect(await numberOf(page, 'torn-fanlight')).toBe(0)
    await context.close()
  })

  test('the process ends and starts again: the page says so, and goes on', async () => {
    const context = await browser.newContext()
    const page = await open(context, [])
    await becomes(page, 'connection', 'live')
    const ended = new Promise((resolve) => atlas.child.once('close', resolve))
    atlas.child.kill('SIGTERM')
    await ended
    await becomes(page, 'connection', 'no connection, trying again')
    atlas = start(new URL(url).port)
    await atlas.url
    await becomes(page, 'connection', 'live')
    const answers = await numberOf(page, 'answers-fanlight')
    await page.waitForFunction(
      (n) => Number(document.getElementById('answers-fanlight')?.textContent?.replaceAll(',', '')) > n + 2,
      answers,
    )
    // What was in memory is new now: the page follows that too.
    await page.fill('#lag', '500')
    await becomes(page, 'intro-lag', '500')
    expect(await numberOf(page, 'torn-fanlight')).toBe(0)
    await context.close()
  })

  test('an edit of countries.json shows, by hand or from the page; a broken file is told, and what it was stays', async () => {
    const context = await browser.newContext()
    const page = await open(context, [])
    const file = join(folder, 'countries.json')
    await becomes(page, 'country-name', 'France')
    const text = await readFile(file, 'utf8')
    await writeFile(file, text.replace('"name": "France"', '"name": "Frankreich"'))
    await becomes(page, 'country-name', 'Frankreich')
    await writeFile(file, text.slice(0, 1000))
    await page.waitForFunction(() => document.getElementById('country-stale')?.textContent !== '')
    expect(await page.locator('#country-name').textContent()).toBe('Frankreich')
    await writeFile(file, text)
    await becomes(page, 'country-name', 'France')
    await becomes(page, 'country-stale', '')
    await page.click('#edit')
    await page.fill('#edit-text', '{ "name": 7 }')
    await page.click('#edit-form button[type=submit]')
    await becomes(page, 'edit-wrong', 'A country needs a name, which is a text.')
    await page.fill('#edit-text', '{ "name": "La France", "capital": "Paris", "region": "Europe", "flag": "🇫🇷" }')
    await page.click('#edit-form button[type=submit]')
    await becomes(page, 'country-name', 'La France')
    expect(await readFile(file, 'utf8')).toContain('La France')
    await writeFile(file, text)
    await context.close()
  })

  test('the map asks for what is in view, in at most 32 ranges, with the keyboard too', async () => {
    const context = await browser.newContext({ viewport: { width: 1200, height: 900 } })
    const page = await open(context, [])
    await page.locator('#map').scrollIntoViewIfNeeded()
    await page.waitForFunction(() => document.getElementById('map-count')?.textContent?.includes('of 1 range'))
    expect(await numberOf(page, 'map-list > li:first-child > .number')).toBeGreaterThan(5_000_000)
    await page.locator('#map').focus()
    for (let i = 0; i < 5; i++) await page.keyboard.press('+')
    await page.waitForFunction(() => !document.getElementById('map-count')?.textContent?.includes('of 1 range'))
    const ranges = /of (\d+) ranges/.exec((await page.locator('#map-count').textContent()) ?? '')?.[1]
    expect(Number(ranges)).toBeGreaterThan(1)
    expect(Number(ranges)).toBeLessThanOrEqual(32)
    await context.close()
  })

  /** Starts an atlas of its own, opens its page, and tells what it says in the terminal until a line holds a text. */
  async function openOther(
    more: NodeJS.ProcessEnv,
    text: string,
    errors: string[],
  ): Promise<{ readonly page: Page; readonly line: string; readonly end: () => Promise<unknown> }> {
    const other = await mkdtemp(join(tmpdir(), 'fanlight-visits-'))
    const { child, url } = start('0', { ...more, DATA_DIR: other })
    others.push(child)
    let output = ''
    child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const context = await browser.newContext()
    const page = await open(context, errors, await url)
    const lineWith = (): string => {
      const line = output.split('\n').find((one) => one.includes(text))
      if (line === undefined) throw new Error(`nothing of ${text} in ${output}`)
      return line
    }
    const line = await vi.waitFor(lineWith, { timeout: 60_000 })
    const end = async (): Promise<unknown> => {
      await context.close()
      const ended = new Promise((resolve) => child.once('close', resolve))
      child.kill('SIGINT')
      const code = await ended
      await rm(other, { recursive: true, force: true })
      return code
    }
    return { page, line, end }
  }

  withMongod.it('L3, L5: of MongoDB it shows groups that are those of the documents, whoever writes them', async () => {
    const mongod = await findMongod()
    const errors: string[] = []
    const binary = 'binary' in mongod ? mongod.binary : ''
    const { page, line, end } = await openOther({ MONGOD_BINARY: binary }, 'MongoDB is mounted', errors)
    await using client = new MongoClient(/mongodb:\S+/.exec(line)?.[0] ?? '')
    const visits = client.db().collection('visits')
    await page.waitForFunction(() => Number(document.getElementById('visits-updates')?.textContent) > 5)
    const other = await visits.insertOne({ city: 'Nantes', country: 'FR', stars: 0.5, at: new Date() })
    await visits.insertMany([{ country: 'FR', stars: 'many' }, { country: 7 }, { country: 'FR', at: 'then' }])
    await visits.updateMany({ country: 'FR', stars: 5 }, { $set: { country: 'DE' } })
    await visits.deleteOne({ _id: other.insertedId })
    await page.fill('#rate', '0')
    for (const country of ['FR', 'DE']) {
      await page.selectOption('#country', country)
      await vi.waitFor(
        async () => {
          const documents = await visits.find({ country }).toArray()
          const stars = documents.flatMap((one) => (typeof one['stars'] === 'number' ? one['stars'] : []))
          const mean = stars.reduce((sum, one) => sum + one, 0) / stars.length
          const numbers = [`${documents.length}`, stars.length === 0 ? 'none' : mean.toFixed(2)]
          expect(await page.locator('#visits-view td').allTextContents()).toEqual(numbers)
          expect(await page.locator('#visits-counted td').allTextContents()).toEqual(numbers)
          expect(await numberOf(page, 'visits-documents')).toBe(await visits.countDocuments())
        },
        { timeout: 60_000, interval: 200 },
      )
    }
    expect(await numberOf(page, 'visits-different')).toBe(0)
    for (const [width, colorScheme] of [
      [1200, 'light'],
      [390, 'dark'],
    ] as const) {
      await page.setViewportSize({ width, height: 800 })
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      expect(await page.evaluate(flawsOf)).toEqual([])
    }
    expect(errors).toEqual([])
    expect(await end()).toBe(0)
  })

  test('without a mongod it says so, and is what it was', async () => {
    const errors: string[] = []
    const { page, line, end } = await openOther({ MONGOD_BINARY: '', PATH: '' }, 'mongod', errors)
    expect(line).toBe('no mongod (MONGOD_BINARY or PATH): the MongoDB mount is left out')
    await page.waitForFunction(() => Number(document.getElementById('answers-fanlight')?.textContent) > 3)
    expect(await page.locator('#visits').isVisible()).toBe(false)
    expect(await numberOf(page, 'torn-fanlight')).toBe(0)
    expect(errors).toEqual([])
    expect(await end()).toBe(0)
  })

  test('whoever cannot see it, has a phone, or no mouse, can use it', async () => {
    for (const [width, colorScheme] of [
      [1200, 'light'],
      [390, 'dark'],
    ] as const) {
      const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme })
      const page = await open(context, [])
      await page.waitForFunction(() => Number(document.getElementById('answers-fanlight')?.textContent) > 0)
      expect(await page.evaluate(flawsOf)).toEqual([])
      await context.close()
    }
  })
})
