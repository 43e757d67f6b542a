import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const run = promisify(execFile)
const main = fileURLToPath(new URL('../../../examples/atlas/dist/main.js', import.meta.url))

/** What the last line of a run says. */
interface Summary {
  readonly fetches: number
  readonly tornPromiseAll: number
  readonly tornFanlight: number
  readonly waits: number
  readonly medianAgeMs: number
}

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fanlight-atlas-'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

function summaryOf(output: string): Summary {
  return JSON.parse(output.trimEnd().split('\n').at(-1) ?? '') as Summary
}

describe('the atlas', () => {
  test(
    'tears by itself where two stores are asked, and never where the router is (L3)',
    { timeout: 240_000 },
    async () => {
      const env = { ...process.env, DATA_DIR: folder, LAG_MS: '300', RATE: '50', CITIES: '5000' }
      const { stdout } = await run(process.execPath, [main, '--terminal', '--seconds', '6'], { env })
      expect(stdout).toContain('loading cities: 100 %')
      const summary = summaryOf(stdout)
      expect(summary.tornPromiseAll).toBeGreaterThan(0)
      expect(summary.tornFanlight).toBe(0)
      expect(summary.fetches).toBeGreaterThan(0)
      expect(summary.waits).toBeGreaterThan(0)
    },
  )

  test('goes on where it was; an edit of the JSON file shows; Ctrl-C closes it', { timeout: 120_000 }, async () => {
    const child = spawn(process.execPath, [main, '--terminal'], { env: { ...process.env, DATA_DIR: folder } })
    let output = ''
    const heard: { text: string; resolve: () => void }[] = []
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      for (const { text, resolve } of heard) if (output.includes(text)) resolve()
    })
    const says = (text: string): Promise<void> => new Promise((resolve) => heard.push({ text, resolve }))
    await says('France:')
    expect(output).not.toContain('loading cities')
    const file = join(folder, 'countries.json')
    await writeFile(file, (await readFile(file, 'utf8')).replace('"name": "France"', '"name": "Frankreich"'))
    await says('Frankreich:')
    const ended = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGINT')
    expect(await ended).toBe(0)
    expect(summaryOf(output).tornFanlight).toBe(0)
  })

  test('says how it is started', { timeout: 60_000 }, async () => {
    const { stdout } = await run(process.execPath, [main, '--help'])
    expect(stdout).toContain('--seconds N')
    expect(stdout).toContain('DATA_DIR')
  })

  test('ends quietly where nobody reads it any more', { timeout: 120_000 }, async () => {
    const child = spawn(process.execPath, [main, '--terminal'], { env: { ...process.env, DATA_DIR: folder } })
    let complaint = ''
    child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()))
    child.stdout.once('data', () => child.stdout.destroy())
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0)
    expect(complaint).toBe('')
  })

  test('a signal that comes twice at once is one, and closes it', { timeout: 120_000 }, async () => {
    const child = spawn(process.execPath, [main, '--terminal'], { env: { ...process.env, DATA_DIR: folder } })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    await new Promise((resolve) => child.stdout.once('data', resolve))
    const ended = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGTERM')
    child.kill('SIGINT')
    expect(await ended).toBe(0)
    expect(summaryOf(output).tornFanlight).toBe(0)
  })

  test('says what is wrong with its input', { timeout: 60_000 }, async () => {
    const fails = async (args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> => {
      const error = await run(process.execPath, [main, '--terminal', ...args], {
        env: { ...process.env, ...env },
      }).catch((e: unknown) => e)
      const { code, stderr } = error as { code: number; stderr: string }
      expect(code).toBe(1)
      return stderr
    }
    expect(await fails(['--secnds', '3'], {})).toContain('I do not know --secnds')
    expect(await fails(['--seconds', '1'], { RATE: 'fast' })).toContain('RATE must be a number')
    const broken = await mkdtemp(join(tmpdir(), 'fanlight-atlas-'))
    await writeFile(join(broken, 'countries.json'), '{ "FR": ')
    expect(await fails(['--seconds', '1'], { DATA_DIR: broken })).toMatch(/countries\.json.*CORRUPT/s)
    await rm(broken, { recursive: true })
    const taken = join(folder, 'a-file')
    await writeFile(taken, 'not a folder')
    expect(await fails(['--seconds', '1'], { DATA_DIR: taken })).toMatch(/a-file cannot be made/)
    // What Node makes with `recursive` never ends here, where there is a /proc.
    expect(await fails(['--seconds', '1'], { DATA_DIR: '/proc/nope/x' })).toContain('cannot be made')
  })
})
