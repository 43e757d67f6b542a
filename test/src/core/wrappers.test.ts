import { createMemoryStore, createSession, get, prefixed, put, readonly, validated } from '@fanlight/core'
import type { Store } from '@fanlight/core'
import { createRouter } from '@fanlight/router'
import { createView } from '@fanlight/views'
import { describe, expect, test } from 'vitest'

const wrappers: readonly [string, (store: Store<object>) => Store<object>, prefix: string][] = [
  ['session', (store) => createSession(store), ''],
  ['prefixed', (store) => prefixed(store, 'm/'), 'm/'],
  ['validated', (store) => validated(store, {}), ''],
  ['readonly', (store) => readonly(store), ''],
  ['session of a validated', (store) => createSession(validated(store, {})), ''],
]

describe('a wrapper', () => {
  test.each(wrappers)('%s of a router takes commits while that does', async (name, wrap, prefix) => {
    const raw = createMemoryStore({ name: 'raw' })
    const router = createRouter({ 'view/': createView(raw, { map: (entry) => entry }) })
    const shown = wrap(router)
    const commit = (value: number): Promise<unknown> =>
      shown.commit?.([put(prefix === '' ? 'm/a' : 'a', value)]) ?? Promise.reject(new Error('none'))
    const refused = name === 'readonly' ? {} : { code: 'NOT_MOUNTED', applied: 'no' }
    expect(shown.supports.commit).toBe(false)
    await expect(commit(1)).rejects.toMatchObject(refused)
    router.mount('m/', createMemoryStore({ name: 'memory' }))
    expect(shown.supports.commit).toBe(name !== 'readonly')
    if (name === 'readonly') return expect(shown).not.toHaveProperty('commit')
    await commit(2)
    expect(await get(router, 'm/a')).toBe(2)
    router.unmount('m/')
    expect(shown.supports.commit).toBe(false)
    await expect(commit(3)).rejects.toMatchObject(refused)
    await router.close()
  })

  test.each(wrappers)('%s has a commit as long as its store has', async (name, wrap) => {
    const store = createMemoryStore()
    const inner = readonly(store)
    let takes = false
    Object.defineProperty(inner, 'commit', { get: () => (takes ? store.commit.bind(store) : undefined) })
    const shown = wrap(inner)
    const has = (): boolean => shown.commit !== undefined
    expect(has()).toBe(false)
    takes = true
    expect(has()).toBe(name !== 'readonly')
    const commit = shown.commit?.bind(shown)
    takes = false
    expect(has()).toBe(false)
    if (name === 'readonly') return
    await expect(commit?.([put('a', 1)])).rejects.toMatchObject({ code: 'READ_ONLY', applied: 'no' })
  })
})
