import {
  createMemoryStore,
  createSession,
  createVariable,
  del,
  everything,
  prefix,
  put,
  transact,
} from '@fanlight/core'
import { describe, expect, test } from 'vitest'
import { createRouter, type Router } from './index.ts'

function stores(): { users: ReturnType<typeof createMemoryStore>; teams: ReturnType<typeof createMemoryStore> } {
  return { users: createMemoryStore({ name: 'users' }), teams: createMemoryStore({ name: 'teams' }) }
}

describe('commits', () => {
  test('a commit goes to the store that its keys belong to, and returns its versions', async () => {
    const { users, teams } = stores()
    const router = createRouter({ 'users/': users, 'teams/': teams })
    const at = await router.commit([put('users/ann', 1), del('users/bob')])
    expect(at).toEqual(users.reached)
    expect((await users.fetch(everything)).entries.map(({ key }) => key)).toEqual(['ann'])
    await router.close()
  })

  test('L4: keys of two stores are NOT_ATOMIC, and nothing is changed', async () => {
    const { users, teams } = stores()
    const router = createRouter({ 'users/': users, 'teams/': teams, motto: createVariable('x') })
    for (const other of ['teams/a', 'motto']) {
      await expect(router.commit([put('users/ann', 1), put(other, 2)])).rejects.toMatchObject({
        code: 'NOT_ATOMIC',
        applied: 'no',
        keys: ['users/ann', other],
      })
    }
    expect((await router.fetch(everything)).entries.map(({ key }) => key)).toEqual(['motto'])
    await router.close()
  })

  test('two stores of one source are still two: a view of the other, say', async () => {
    const { users } = stores()
    const twin = new Proxy(users, { get: (target, name) => bound(target, name) })
    const router = createRouter({ 'a/': users, 'b/': twin })
    await expect(router.commit([put('a/x', 1), put('b/y', 1)])).rejects.toMatchObject({ code: 'NOT_ATOMIC' })
    await router.close()
  })

  test('one store at two places takes one commit; two keys that are one key of it are BAD_KEY', async () => {
    const { users } = stores()
    const router = createRouter({ 'a/': users, 'b/': users })
    const at = await router.commit([put('a/x', 1), put('b/y', 2)])
    expect(Object.values(at)).toEqual([1])
    await expect(router.commit([put('a/x', 1), put('b/x', 2)])).rejects.toMatchObject({
      code: 'BAD_KEY',
      keys: ['a/x', 'b/x'],
      applied: 'no',
    })
    await expect(router.commit([put('a/x', 1), del('a/x')])).rejects.toMatchObject({ code: 'BAD_KEY', keys: ['a/x'] })
    expect((await router.fetch(everything)).entries.map(({ key, value }) => [key, value])).toEqual([
      ['a/x', 1],
      ['a/y', 2],
      ['b/x', 1],
      ['b/y', 2],
    ])
    await router.close()
  })

  test('a key that no mount covers is NOT_MOUNTED', async () => {
    const { users } = stores()
    const router = createRouter({ 'users/': users })
    for (const key of ['teams/a', 'users', '', 'user']) {
      await expect(router.commit([put(key, 1)])).rejects.toMatchObject({
        code: 'NOT_MOUNTED',
        keys: [key],
        applied: 'no',
      })
    }
    await router.close()
  })

  test('a store that takes no commits is READ_ONLY; where none takes any, so is every commit', async () => {
    const { users, teams } = stores()
    const readable = new Proxy(teams, {
      get: (target, name) =>
        name === 'commit'
          ? undefined
          : name === 'supports'
            ? { ...target.supports, commit: false }
            : bound(target, name),
    })
    const router = createRouter({ 'users/': users, 'teams/': readable })
    await expect(router.commit([put('teams/a', 1)])).rejects.toMatchObject({ code: 'READ_ONLY', applied: 'no' })
    expect(router.supports.commit).toBe(true)
    router.unmount('users/')
    expect(router.supports).toMatchObject({ commit: false, guard: 'none', ids: false })
    for (const changes of [[put('teams/a', 1)], []]) {
      await expect(router.commit(changes)).rejects.toMatchObject({ code: 'READ_ONLY', applied: 'no' })
    }
    await expect(router.commit([put('users/a', 1)])).rejects.toMatchObject({ code: 'NOT_MOUNTED', applied: 'no' })
    await expect(transact(router, (tx) => tx.put('teams/a', 1))).rejects.toMatchObject({ code: 'READ_ONLY' })
    await expect(createRouter({}).commit([])).rejects.toMatchObject({ code: 'NOT_MOUNTED', applied: 'no' })
    // Who looked at the router before has its commit too, when a store comes that takes some.
    const session = createSession(router)
    router.mount('users/', users)
    await session.commit([put('users/a', 1)])
    expect(session.supports.commit).toBe(true)
    await Promise.all([router.close(), users.close()])
  })

  test('a conflict names the keys of the router, through routers in routers', async () => {
    const { users } = stores()
    const router = createRouter({ 'in/': createRouter({ 'users/': users }) })
    const basis = (await router.fetch(everything)).versions
    await router.commit([put('in/users/ann', 1)])
    const error = await router.commit([put('in/users/ann', 2)], { basis }).catch((e: unknown) => e)
    expect(error).toMatchObject({ code: 'CONFLICT', keys: ['in/users/ann'], applied: 'no', store: 'users' })
    await router.close()
  })

  test('a guard lies in the same store, and is a conflict where it changed', async () => {
    const { users, teams } = stores()
    const router = createRouter({ 'users/': users, 'teams/': teams })
    const basis = (await router.fetch(everything)).versions
    await router.commit([put('users/ann', 1)])
    await expect(router.commit([put('users/bob', 1)], { basis, guard: prefix('users/a') })).rejects.toMatchObject({
      code: 'CONFLICT',
      keys: ['users/ann'],
    })
    await expect(router.commit([put('users/bob', 1)], { basis, guard: prefix('teams/') })).rejects.toMatchObject({
      code: 'NOT_ATOMIC',
    })
    await expect(router.commit([put('users/bob', 1)], { basis, guard: everything })).rejects.toMatchObject({
      code: 'NOT_ATOMIC',
    })
    await router.commit([put('users/bob', 1)], { basis, guard: ['users/bob', prefix('elsewhere/')] })
    await router.close()
  })

  test('a key that went to another store after the basis is a conflict', async () => {
    const { users, teams } = stores()
    const router = createRouter({ 'a/': users }) as Router
    const basis = (await router.fetch(everything)).versions
    router.remount({ 'a/': teams, 'b/': users })
    await expect(router.commit([put('a/x', 1)], { basis })).rejects.toMatchObject({
      code: 'CONFLICT',
      keys: ['a/x'],
      applied: 'no',
    })
    const again = (await router.fetch(everything)).versions
    await router.commit([put('a/x', 1)], { basis: again })
    // What happened elsewhere in the table does not matter.
    router.mount('c/', createMemoryStore())
    await router.commit([put('b/x', 1)], { basis: again })
    await expect(router.commit([put('b/x', 2)], { basis, guard: prefix('b/') })).rejects.toMatchObject({
      code: 'CONFLICT',
    })
    await router.close()
  })

  test('a retry with the same id is applied once, whatever else its maker has seen', async () => {
    const { users, teams } = stores()
    const twin = createMemoryStore({ name: 'users' })
    const router = createRouter({ 'users/': users, 'teams/': teams, 'twin/': twin })
    const id = { session: 's', number: 1, born: (await router.fetch(everything)).versions }
    const at = await router.commit([put('users/ann', 1)], { id })
    expect(await router.commit([put('users/ann', 1)], { id })).toEqual(at)
    await expect(router.commit([], { id })).rejects.toMatchObject({ code: 'BAD_QUERY' })
    expect(await router.commit([])).toMatchObject(at)
    await router.close()
  })

  test('what is no commit is refused', async () => {
    const router = createRouter({ '': createMemoryStore() })
    for (const changes of [undefined, {}, [null], ['a']]) {
      await expect(router.commit(changes as never)).rejects.toMatchObject({ code: 'BAD_QUERY', applied: 'no' })
    }
    await router.close()
    await expect(router.commit([put('a', 1)])).rejects.toMatchObject({ code: 'CLOSED', applied: 'no' })
  })
})

function bound(target: object, name: string | symbol): unknown {
  const member: unknown = Reflect.get(target, name, target)
  return typeof member === 'function' ? (member.bind(target) as unknown) : member
}
