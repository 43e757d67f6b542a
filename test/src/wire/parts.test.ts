import { everything } from '@fanlight/core'
import { manualClock } from '@fanlight/core/testing'
import { connect, type Remote } from '@fanlight/client-browser'
import { Kind, type ServerMessage } from '@fanlight/protocol'
import { expect, test } from 'vitest'
import { script, type Scripted, source } from './scripted.ts'

/** The end of an answer that came in parts. */
const rest = (id: number): ServerMessage => [Kind.answer, id, [], { [source]: [1, 1] }, [[false, {}]], {}]

const part = (id: number, key: string): ServerMessage => [Kind.part, id, [[key, 1]]]

async function talk(): Promise<{ clock: ReturnType<typeof manualClock>; server: Scripted; remote: Remote }> {
  const clock = manualClock(1_000)
  const server = script(clock)
  const connecting = connect('ws://scripted', { clock, dial: server.dial, random: () => 0.5 })
  await clock.advance(10)
  return { clock, server, remote: await connecting }
}

test('parts of an answer that is given up, or ends early, are no part of what comes after', async () => {
  const { clock, server, remote } = await talk()
  const away = new AbortController()
  const given = remote.fetch(everything, { signal: away.signal }).catch(() => 'given up')
  const fetched = remote.fetch(everything, { min: { [source]: 1 } })
  await clock.advance(10)
  server.say(part(0, 'a'), part(1, 'b'))
  await clock.advance(10)
  away.abort()
  expect(await given).toBe('given up')
  // What is asked again comes whole; so does what was cut off.
  server.say(part(0, 'c'), [Kind.failed, 1, { code: 'STALLED', message: 'not yet' }])
  await clock.advance(1_000)
  server.say(part(1, 'd'))
  await clock.advance(10)
  server.close(1001)
  await clock.advance(1_000)
  server.say(part(0, 'e'), part(1, 'f'), part(1, 'g'), rest(0), rest(1))
  await clock.advance(10)
  expect((await fetched).entries.map(({ key }) => key)).toEqual(['f', 'g'])
  await remote.close()
})

test('parts of an update that is never whole are no part of the next', async () => {
  const { clock, server, remote } = await talk()
  const keys: (readonly string[] | undefined)[] = []
  const run = async (): Promise<void> => {
    for await (const { replace } of remote.watch(everything)) keys.push(replace?.entries.map(({ key }) => key))
  }
  const running = run().catch(() => undefined)
  await clock.advance(10)
  const whole: ServerMessage = [Kind.update, 0, null, [[[{}], []], [], 1]]
  server.say([Kind.watching, 0], part(0, 'a'), whole, [Kind.step, { [source]: 1 }])
  await clock.advance(10)
  server.say(part(0, 'b'), [Kind.ended, 0, { code: 'UNAVAILABLE', message: 'a hiccup' }])
  await clock.advance(1_000)
  server.say([Kind.watching, 0], part(0, 'c'), whole, [Kind.step, { [source]: 2 }])
  await clock.advance(10)
  server.say(part(0, 'd'))
  server.close(1001)
  await clock.advance(1_000)
  server.say([Kind.watching, 0], part(0, 'e'), whole, [Kind.step, { [source]: 3 }])
  await clock.advance(10)
  expect(keys).toEqual([['a'], ['c'], ['e']])
  await remote.close()
  await running
})
