import type { ErrorCode, FanlightError, Versions } from '@fanlight/core'
import { manualClock } from '@fanlight/core/testing'
import { connect, type Remote } from '@fanlight/client-browser'
import { Kind, type ServerMessage } from '@fanlight/protocol'
import { describe, expect, test } from 'vitest'
import { script, source } from './scripted.ts'

const at = (version: number): Versions => ({ [source]: version })

/** The whole answer of a query that begins to be followed. */
const begun = (id: number, value: number, version: number): readonly ServerMessage[] => [
  [Kind.watching, id],
  [Kind.update, id, null, [[[{}], [['a', value]]], [], 1]],
  [Kind.step, at(version)],
]

const ended = (id: number, code: ErrorCode): ServerMessage => [Kind.ended, id, { code, message: `it is ${code}` }]

/** A client of a scripted server, and what a loop over one of its feeds saw. */
async function following(): Promise<{
  clock: ReturnType<typeof manualClock>
  server: ReturnType<typeof script>
  remote: Remote
  seen: unknown[]
  watches: () => readonly (readonly unknown[])[]
  status: () => string | undefined
}> {
  const clock = manualClock(1_000)
  const server = script(clock)
  const connecting = connect('ws://scripted', { clock, dial: server.dial, random: () => 0.5 })
  await clock.advance(10)
  const remote = await connecting
  const seen: unknown[] = []
  const feed = remote.watch('a')
  const run = async (): Promise<void> => {
    for await (const { replace, changes } of feed)
      seen.push([...(replace?.entries ?? []), ...changes].map(({ value }) => value)[0])
  }
  run().then(
    () => seen.push('over'),
    ({ code }: FanlightError) => seen.push(code),
  )
  await clock.advance(10)
  const watches = (): readonly (readonly unknown[])[] => server.heard.filter(([kind]) => kind === Kind.watch)
  const status = (): string | undefined => feed.state?.[source]?.status
  return { clock, server, remote, seen, watches, status }
}

describe('L7, L9: a watch that ends on the server', () => {
  test.each(['UNAVAILABLE', 'STALLED', 'LOST_IN_FOG', 'SOURCE_RESET'] as const)(
    '%s: is begun again from where it was told, each time later, and nothing is missed',
    async (code) => {
      const { clock, server, remote, seen, watches, status } = await following()
      const id = watches()[0]?.[1] as number
      server.say(...begun(id, 1, 1))
      await clock.advance(10)
      expect([seen, status()]).toEqual([[1], 'live'])
      for (let round = 1; round <= 4; round++) {
        server.say(ended(id, code))
        const waitMs = 0.5 * 200 * 2 ** (round - 1)
        await clock.advance(waitMs - 1)
        expect([watches().length, status()]).toEqual([round, 'stale'])
        await clock.advance(1)
        expect(watches()[round]).toEqual([Kind.watch, id, 'a', at(1)])
      }
      server.say([Kind.watching, id], [Kind.update, id, null, [null, [['a', 2]], 1]], [Kind.step, at(2)])
      await clock.advance(10)
      expect([seen, status()]).toEqual([[1, 2], 'live'])
      // One that held for a while is asked for soon.
      await clock.advance(5_000)
      server.say(ended(id, code))
      await clock.advance(101)
      expect(watches()).toHaveLength(6)
      await remote.close()
    },
  )

  test.each(['FORBIDDEN', 'BAD_QUERY', 'TOO_MANY', 'CORRUPT', 'CLOSED'] as const)(
    '%s: fails the feed by name, before and after its first answer',
    async (code) => {
      for (const isTold of [false, true]) {
        const { clock, server, remote, seen, watches } = await following()
        const id = watches()[0]?.[1] as number
        if (isTold) server.say(...begun(id, 1, 1))
        server.say(ended(id, code))
        await clock.advance(60_000)
        expect(seen).toEqual(isTold ? [1, code] : [code])
        expect(watches()).toHaveLength(1)
        // Whoever watches once more asks once more.
        remote.watch('a')
        await clock.advance(10)
        expect(watches()).toHaveLength(2)
        await remote.close()
      }
    },
  )
})
