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

describe('a wrapper of a router', () => {
  test.each(wrappers)('%s takes commits while the router does', async (name, wrap, prefix) => {
    const raw = createMemoryStore({ name: 'raw' })
    const view = createView(raw, { map: (entry) => entry })
    const router = createRouter({ 'view/': view })
    const shown = wrap(router)
    const agrees = (): boolean => (shown.commit !== undefined) === shown.supports.commit
    expect(shown.supports.commit).toBe(false)
    expect(agrees()).toBe(true)
    router.mount('m/', createMemoryStore({ name: 'memory' }))
    expect(agrees()).toBe(true)
    const commit = shown.commit?.bind(shown)
    expect(commit === undefined).toBe(name === 'readonly')
    const key = `${prefix === '' ? 'm/' : ''}a`
    await shown.commit?.([put(key, 1)])
    expect(await get(router, 'm/a')).toBe(name === 'readonly' ? undefined : 1)
    router.unmount('m/')
    expect(shown.supports.commit).toBe(false)
    expect(agrees()).toBe(true)
    await expect(commit?.([put(key, 2)]) ?? Promise.reject(new Error('none'))).rejects.toMatchObject(
      name === 'readonly' ? {} : { code: 'READ_ONLY', applied: 'no' },
    )
    await router.close()
  })
})
