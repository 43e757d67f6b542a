import { setTimeout as sleep } from 'node:timers/promises'
import { createMemoryStore, del, everything, formatVersions, put } from '@fanlight/core'
import { seededRandom } from '@fanlight/core/testing'
import { serve } from '@fanlight/server'
import { describe, expect, test } from 'vitest'
import { CuttingProxy } from '../support/cutting-proxy.ts'
import { start } from '../support/program.ts'

const cutsWanted = 8

/** A text that says how far a store is, as a pattern. */
function saysOf(store: { readonly reached: Readonly<Record<string, number>> }): RegExp {
  return new RegExp(`open: \\d+ keys at ${formatVersions(store.reached)}$`, 'm')
}

describe('the example sync-to-map', () => {
  test('cut at any byte under load, and the server started anew: it goes on, and ends with what the store holds (L6, L7)', async () => {
    const random = seededRandom(7)
    const store = createMemoryStore<{ '': string }>({ name: 'synced' })
    const large = 'x'.repeat(1_000)
    await store.commit(Array.from({ length: 1_000 }, (_, i) => put(`still/${i}`, large)))
    let server = await serve(store)
    await using proxy = await CuttingProxy.open(() => server.port)
    await using program = start('examples/sync-to-map/dist/main.js', `ws://127.0.0.1:${proxy.port}/`)
    await program.says(saysOf(store))

    proxy.cutAfter(() => Math.floor(1 + random() * 4_000))
    let n = 0
    const commit = async (): Promise<void> => {
      const key = Math.floor(random() * 50)
      await store.commit(
        random() < 0.3 ? [del(`a/${key}`), del(`b/${key}`)] : [put(`a/${key}`, `${n}`), put(`b/${key}`, `${n}`)],
      )
      n++
      await sleep(2)
    }
    while (proxy.cuts < cutsWanted / 2) await commit()
    await server.close()
    for (let i = 0; i < 20; i++) await commit()
    server = await serve(store)
    while (proxy.cuts < cutsWanted) await commit()
    proxy.spare()
    await store.commit([put('last', 'of all')])

    await program.says(saysOf(store))
    expect(await program.stop()).toBe(0)
    expect(program.err).toBe('')
    const { entries } = await store.fetch(everything)
    const copy = new Map(JSON.parse(program.out.trimEnd().split('\n').at(-1) ?? '') as [string, unknown][])
    expect(copy).toEqual(new Map(entries.map(({ key, value }) => [key, value])))
    // What had not changed came once, and never again.
    const [first, ...others] = proxy.carried.map(({ down }) => down)
    expect(first).toBeGreaterThan(1_000_000)
    expect(Math.max(...others)).toBeLessThan(500_000)
    await server.close()
  })
})
