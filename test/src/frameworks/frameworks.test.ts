/** The recipes of docs/frameworks.md, from its text: bundled as for a page, in a DOM of its own. */
import { pathToFileURL } from 'node:url'
import { createMemoryStore, del, put } from '@fanlight/core'
import { connect } from '@fanlight/client-browser'
import { serve } from '@fanlight/server'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { readText } from '../docs/repository.ts'
import { compileFolder } from '../docs/workshop.ts'
import { addDom } from './dom.ts'
import { feedsMax, feedsOf } from './feeds.ts'
import type { Mounted, Props, Recipe } from './mounts/mount.ts'
import { type Framework, Kitchen, filesOf, frameworks } from './recipes.ts'

const kitchen = new Kitchen()
const text = readText('docs/frameworks.md')
for (const framework of frameworks) kitchen.write(framework, filesOf(text, framework))
afterAll(() => kitchen.close())

/** A busy machine may take its time. */
const patience = { timeout: 30_000 }

/** Someone, and how often their name was read: as often as their row was rendered. */
function person(name: string): { readonly value: { readonly name: string }; readonly reads: () => number } {
  let reads = 0
  const get = (target: { readonly name: string }, member: string | symbol): unknown => {
    if (member === 'name') reads++
    return Reflect.get(target, member)
  }
  return { value: new Proxy({ name }, { get }), reads: () => reads }
}

test.each(frameworks)('the recipe for %s has two files, with types that fit', async (framework) => {
  expect(filesOf(text, framework).size).toBe(2)
  const jsx =
    framework === 'Solid'
      ? { jsx: 'preserve', jsxImportSource: 'solid-js' }
      : { jsx: 'react-jsx', jsxImportSource: 'react' }
  expect(await compileFolder(kitchen.folderOf(framework), jsx)).toEqual([])
})

// Before there is a document: this is how it is on a server.
describe.each(frameworks)('the recipe for %s on a server', (framework) => {
  test('it renders that it loads, and follows nothing', async () => {
    const module = await kitchen.bundle(framework, 'render')
    const { render } = (await import(/* @vite-ignore */ pathToFileURL(module).href)) as Recipe
    const store = createMemoryStore<{ 'people/': { name: string } }>({ limits: { feeds: feedsMax } })
    await store.commit([put('people/red/a', { name: 'Ann' })])
    expect(await render({ store, team: 'red' })).toContain('Loading')
    expect(await feedsOf(store)).toBe(0)
    await store.close()
  })
})

describe('for a page', () => {
  const modules = new Map<Framework, string>()

  beforeAll(async () => {
    for (const framework of frameworks) modules.set(framework, await kitchen.bundle(framework, 'mount'))
    // What bundles is for Node; what it makes looks for a document when it is loaded.
    addDom()
  }, 120_000)

  describe.each(frameworks)('the recipe for %s', (framework) => {
    let recipe: Recipe
    let target: Element
    let mounted: Mounted | undefined

    beforeAll(async () => {
      recipe = (await import(/* @vite-ignore */ pathToFileURL(modules.get(framework) ?? '').href)) as Recipe
    }, 120_000)

    const show = (props: Props): void => {
      target = document.body.appendChild(document.createElement('main'))
      mounted = recipe.mount(target, props)
    }
    const names = (): string[] => [...target.querySelectorAll('li')].map(({ textContent }) => textContent ?? '')
    const becomes = (...expected: readonly string[]): Promise<void> =>
      vi.waitFor(() => expect(names()).toEqual(expected), patience)

    test('it shows, follows, asks anew, leaves rows alone that did not change, and closes what it opened', async () => {
      const store = createMemoryStore<{ 'people/': { name: string } }>({ limits: { feeds: feedsMax } })
      const [ann, bob] = [person('Ann'), person('Bob')]
      await store.commit([
        put('people/red/a', ann.value),
        put('people/red/b', bob.value),
        put('people/blue/c', { name: 'Cy' }),
      ])
      show({ store, team: 'red' })
      await becomes('Ann', 'Bob')
      expect(await feedsOf(store)).toBe(1)
      const [row] = target.querySelectorAll('li')
      const reads = ann.reads()
      expect(reads).toBeGreaterThan(0)
      await store.commit([put('people/red/b', { name: 'Bill' }), put('people/red/d', { name: 'Dora' })])
      await becomes('Ann', 'Bill', 'Dora')
      await store.commit([del('people/red/d')])
      await becomes('Ann', 'Bill')
      expect(target.querySelector('li')).toBe(row)
      expect(ann.reads()).toBe(reads)
      mounted?.set({ store, team: 'blue' })
      await becomes('Cy')
      await vi.waitFor(async () => expect(await feedsOf(store)).toBe(1), patience)
      await store.commit([put('people/blue/c', { name: 'Cyd' }), put('people/red/a', { name: 'Anna' })])
      await becomes('Cyd')
      await mounted?.unmount()
      await vi.waitFor(async () => expect(await feedsOf(store)).toBe(0), patience)
      expect(target.textContent).toBe('')
      await store.close()
    })

    test('an error is shown; another store is asked', async () => {
      const store = createMemoryStore<{ 'people/': { name: string } }>({ limits: { feeds: feedsMax } })
      const other = createMemoryStore<{ 'people/': { name: string } }>({ limits: { feeds: feedsMax } })
      await other.commit([put('people/red/z', { name: 'Zoe' })])
      show({ store, team: 'red' })
      await vi.waitFor(() => expect(target.querySelector('ul')).not.toBeNull(), patience)
      await store.close()
      await vi.waitFor(() => expect(target.querySelector('[role=alert]')?.textContent).toContain('closed'), patience)
      mounted?.set({ store: other, team: 'red' })
      await becomes('Zoe')
      expect(target.querySelector('[role=alert]')).toBeNull()
      await mounted?.unmount()
      await vi.waitFor(async () => expect(await feedsOf(other)).toBe(0), patience)
      await other.close()
    })

    test('over a connection it loads first, is not up to date while that is lost, and goes on', async () => {
      const store = createMemoryStore<{ 'people/': { name: string } }>({ limits: { feeds: feedsMax } })
      await store.commit([put('people/red/a', { name: 'Ann' })])
      const server = await serve(store)
      const port = Number(new URL(server.url).port)
      const remote = await connect<typeof store>(server.url, { retryMs: 20, retryMsMax: 50 })
      show({ store: remote, team: 'red' })
      expect(target.textContent).toBe('Loading')
      await becomes('Ann')
      expect(target.querySelector('p')).toBeNull()
      await server.close()
      await vi.waitFor(() => expect(target.querySelector('p')?.textContent).toBe('Not up to date'), patience)
      expect(names()).toEqual(['Ann'])
      await store.commit([put('people/red/b', { name: 'Bob' })])
      const again = await serve(store, { port })
      await becomes('Ann', 'Bob')
      await vi.waitFor(() => expect(target.querySelector('p')).toBeNull(), patience)
      await mounted?.unmount()
      await vi.waitFor(async () => expect(await feedsOf(store)).toBe(0), patience)
      await remote.close()
      await again.close()
      await store.close()
    })
  })
})
