import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../../..')
const kills = process.env['LONG'] === '1' ? 200 : 20

/** What was compiled stands in the repository, so that it finds the packages it needs. */
let compiled = ''

beforeAll(() => {
  const cache = join(root, 'node_modules/.cache')
  mkdirSync(cache, { recursive: true })
  compiled = mkdtempSync(join(cache, 'fanlight-kill-'))
  const source = (path: string): string => join(root, 'packages', path)
  const paths = { '@fanlight/core': [source('core/src/index.ts')], '@fanlight/core/kit': [source('core/src/kit.ts')] }
  writeFileSync(
    join(compiled, 'tsconfig.json'),
    JSON.stringify({
      extends: join(root, 'tsconfig.base.json'),
      compilerOptions: {
        composite: false,
        declaration: false,
        declarationMap: false,
        sourceMap: false,
        rootDir: source('.'),
        outDir: compiled,
        types: ['node'],
        typeRoots: [join(root, 'node_modules/@types')],
        paths,
      },
      files: [source('store-json/src/index.ts'), source('core/src/kit.ts'), source('core/src/freeze.ts')],
    }),
  )
  try {
    execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', compiled])
  } catch {
    // What is wrong with the types is told by the build; what was compiled runs nevertheless, or the child says why not.
  }
  const at = (path: string): string => pathToFileURL(join(compiled, path)).href
  const places = {
    '@fanlight/core': at('core/src/index.js'),
    '@fanlight/core/kit': at('core/src/kit.js'),
    '#freeze': at('core/src/freeze.js'),
  }
  const hooks = `const places = ${JSON.stringify(places)}
export const resolve = (name, context, next) => places[name] ? { url: places[name], shortCircuit: true } : next(name, context)`
  writeFileSync(join(compiled, 'hooks.mjs'), hooks)
  writeFileSync(join(compiled, 'child.mjs'), child)
}, 120_000)

afterAll(() => rmSync(compiled, { recursive: true, force: true }))

/** Waits to be told a path, commits as fast as it can, and says what was acknowledged. With 0 lanes it makes one commit, and ends. */
const child = `
import { register } from 'node:module'
import { writeSync } from 'node:fs'
register('./hooks.mjs', import.meta.url)
const { openJsonStore } = await import('./store-json/src/index.js')
const { path, first, lanes } = await new Promise((told) => process.stdin.once('data', (data) => told(JSON.parse(data))))
process.stdin.destroy()
const store = await openJsonStore(path)
const commit = async (n) => {
  await store.commit([{ key: 'key ' + n, value: n }, { key: 'last', value: n }])
  writeSync(1, n + '\\n')
}
let n = first
const lane = async () => {
  for (;;) await commit(n++)
}
if (lanes === 0) {
  await commit(n)
  await store.close()
} else for (let i = 0; i < lanes; i++) void lane()
`

/** A process that is ready to begin. */
class Child {
  readonly #process: ChildProcess
  readonly ended: Promise<unknown>
  #output = ''

  constructor() {
    this.#process = spawn(process.execPath, [join(compiled, 'child.mjs')], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#process.stdout?.on('data', (data: Buffer) => (this.#output += data.toString()))
    this.ended = new Promise((end) => this.#process.on('close', end))
  }

  begin(path: string, first: number, lanes: number): void {
    this.#process.stdin?.write(JSON.stringify({ path, first, lanes }))
  }

  /** What it said. A line that was cut off was not said. */
  get said(): number[] {
    return this.#output.split('\n').slice(0, -1).map(Number)
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.ended
  }
}

test('a process that closes its store ends by itself', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fanlight-json-'))
  const path = join(folder, 'file.json')
  const run = new Child()
  run.begin(path, 7, 0)
  expect(await run.ended).toBe(0)
  expect(run.said).toEqual([7])
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ 'key 7': 7, last: 7 })
  rmSync(folder, { recursive: true })
})

test(
  `after kill -9, ${kills} times, the file parses and holds all that was acknowledged`,
  { timeout: 30_000 + kills * 2_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fanlight-json-'))
    const path = join(folder, 'file.json')
    const acknowledged = new Set<number>()
    let next = 0
    // The next ones get ready while one is running.
    const ready = [new Child(), new Child()]
    for (let i = 0; i < kills; i++) {
      const run = ready.shift() ?? new Child()
      if (i + 2 < kills) ready.push(new Child())
      run.begin(path, next, 1 + (i % 5))
      while (run.said.length < 3 + (i % 7)) await new Promise((go) => setTimeout(go, 1 + (i % 3)))
      await run.kill()
      for (const n of run.said) acknowledged.add(n)
      const members = JSON.parse(readFileSync(path, 'utf8')) as Record<string, number>
      for (const n of acknowledged) expect(members[`key ${n}`]).toBe(n)
      next = Math.max(...Object.values(members)) + 1
    }
    expect(acknowledged.size).toBeGreaterThan(kills * 3)
    expect(readdirSync(folder).filter((name) => name !== 'file.json').length).toBeLessThanOrEqual(kills)
    rmSync(folder, { recursive: true })
  },
)
