import { createMemoryStore, everything, FanlightError, live, put } from '@fanlight/core'
import { connect } from '@fanlight/client-browser'
import { serve } from '@fanlight/server'
import { expect, test } from 'vitest'
import { codeOf, until } from './scene.ts'

test('L9: a final refusal at a reconnect ends all that waits, and all that is asked after it, by its name', async () => {
  const store = createMemoryStore({ name: 'refused' })
  await store.commit([put('a', 0)])
  const source = store.sources[0] ?? ''
  let server = await serve(store)
  const remote = await connect<typeof store>(server.url, {
    retryMs: 5,
    retryMsMax: 20,
    limits: { timeoutMs: Infinity },
  })
  const ended: unknown[] = []
  const run = async (): Promise<void> => {
    for await (const { versions } of remote.watch('a')) ended.push(versions[source])
  }
  const running = codeOf(run())
  const list = live(remote, everything)
  await until(() => list.value !== undefined && ended.length > 0)
  await server.close()
  await until(() => remote.connection.status !== 'open')
  const fresh = remote.watch('b')
  const waiting = [
    codeOf(remote.fetch('a')),
    codeOf(remote.fetch([], { min: { [source]: 9 } })),
    codeOf(remote.changes('a', { since: { [source]: 0 } })),
    codeOf(remote.commit([put('a', 1)])),
    codeOf(Promise.resolve(fresh.take())),
    running,
  ]
  const refuse = (): never => {
    throw new FanlightError('FORBIDDEN', 'not any more')
  }
  server = await serve(store, { port: server.port, authenticate: refuse })
  expect(await Promise.all(waiting)).toEqual(waiting.map(() => 'FORBIDDEN'))
  await until(() => list.error !== undefined)
  expect(list.error).toMatchObject({ code: 'FORBIDDEN' })
  expect(ended).toEqual([1])

  expect(remote.connection.status).toBe('closed')
  expect(remote.state?.[source]).toMatchObject({ status: 'failed', why: { code: 'FORBIDDEN' } })
  expect(await codeOf(remote.fetch('a'))).toBe('FORBIDDEN')
  expect(await codeOf(remote.changes('a', { since: { [source]: 0 } }))).toBe('FORBIDDEN')
  await expect(remote.commit([put('a', 1)])).rejects.toMatchObject({ code: 'FORBIDDEN', applied: 'no' })
  expect(() => remote.watch('b')).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }))
  expect((await store.fetch('a')).entries[0]?.value).toBe(0)
  await remote.close()
  expect(await codeOf(remote.fetch('a'))).toBe('CLOSED')
  await server.close()
  await store.close()
})
