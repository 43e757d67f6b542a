import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { type Setup, storeConformance } from './conformance/index.ts'

// The store of docs/your-own-store.md is taken from there, so that what people read is what passes.
const root = resolve(import.meta.dirname, '../../..')
const document = readFileSync(join(root, 'docs/your-own-store.md'), 'utf8')
const [, block = ''] = /^```ts\n(.*?)^```$/ms.exec(document) ?? []

// It stands in the workspace, so that it finds the packages as any code there does.
const shelf = join(root, 'test/.docs')
mkdirSync(shelf, { recursive: true })
const folder = mkdtempSync(join(shelf, 'your-own-store-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
writeFileSync(join(folder, 'polled-url.ts'), block)

const { log } = console
const logged: unknown[] = []
console.log = (line: unknown) => void logged.push(line)
const { setup } = (await import(/* @vite-ignore */ pathToFileURL(join(folder, 'polled-url.ts')).href)) as {
  setup: Setup
}
console.log = log

test('its own run says that no law was broken', () => {
  expect(logged).toEqual(['no law was broken'])
})

test('the driver takes 40 lines', () => {
  const lines = block
    .slice(block.indexOf('/** What is at a URL'), block.indexOf('// The same on a server'))
    .trim()
    .split('\n')
  expect(lines.length).toBeLessThanOrEqual(44)
})

storeConformance('a store of your own', { ...setup, runs: 20 })
