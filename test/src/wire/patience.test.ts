import { type FanlightError, put } from '@fanlight/core'
import { type ManualClock, manualClock, turns } from '@fanlight/core/testing'
import { connect, type ConnectOptions, type Remote } from '@fanlight/client-browser'
import { type ClientMessage, Kind, type ServerMessage, type WireLimits } from '@fanlight/protocol'
import { describe, expect, test } from 'vitest'
import { answerTo, script, type Scripted, source } from './scripted.ts'

interface Talk {
  readonly clock: ManualClock
  readonly server: Scripted
  readonly remote: Remote
}

/** A client of a scripted server. */
async function talk(
  answer?: (message: ClientMessage) => readonly ServerMessage[] | undefined,
  limits?: Partial<WireLimits>,
  options: ConnectOptions = {},
): Promise<Talk> {
  const clock = manualClock(1_000)
  const server = script(clock, answer, limits)
  const connecting = connect('ws://scripted', { clock, dial: server.dial, random: () => 0.5, ...options })
  await clock.advance(10)
  return { clock, server, remote: await connecting }
}

/** What something ended with, so far: a code, and what is known of a commit. */
function outcome(work: Promise<unknown>): { now: () => string } {
  let now = 'waits'
  work.then(
    () => (now = 'done'),
    (error: unknown) => {
      const { code, applied } = error as FanlightError
      now = applied === undefined ? code : `${code} ${applied}`
    },
  )
  return { now: () => now }
}

const stalled = (id: number): ServerMessage => [Kind.failed, id, { code: 'STALLED', message: 'not yet' }]
const idsOf = ({ heard }: Scripted, kind: number): readonly unknown[] =>
  heard.filter((message) => message[0] === kind).map((message) => message[1])

/** As many as were asked, in order. */
const numbers = (from: number, to: number): readonly number[] => Array.from({ length: to - from }, (_, i) => from + i)

describe('no more is under way at once than the server takes', () => {
  test('the rest is sent in order, as answers come', async () => {
    const { clock, server, remote } = await talk(undefined, { requests: 3 })
    const fetched = numbers(0, 8).map(() => outcome(remote.fetch('a')))
    await clock.advance(10)
    expect(server.heard.map(([, id]) => id)).toEqual(numbers(0, 3))
    server.say(answerTo(1))
    await clock.advance(10)
    expect(server.heard.map(([, id]) => id)).toEqual(numbers(0, 4))
    server.say([Kind.failed, 0, { code: 'CORRUPT', message: 'broken' }], answerTo(2))
    await clock.advance(10)
    expect(server.heard.map(([, id]) => id)).toEqual(numbers(0, 6))
    expect(fetched.map(({ now }) => now())).toEqual(['CORRUPT', 'done', 'done', ...numbers(3, 8).map(() => 'waits')])
    await remote.close()
  })

  test('also when it connects again, and where nobody waits for an answer any more', async () => {
    const { clock, server, remote } = await talk(undefined, { requests: 2 })
    const away = new AbortController()
    const gone = outcome(remote.fetch('a', { signal: away.signal }))
    const fetched = numbers(1, 4).map(() => outcome(remote.fetch('a')))
    await clock.advance(10)
    away.abort()
    await clock.advance(10)
    // The server still has to say that it let go of it.
    expect(server.heard.map(([kind, id]) => [kind, id])).toEqual([
      [Kind.fetch, 0],
      [Kind.fetch, 1],
      [Kind.cancel, 0],
    ])
    expect(gone.now()).toBe('ABORTED')
    server.say([Kind.failed, 0, { code: 'ABORTED', message: 'cancelled' }])
    await clock.advance(10)
    expect(idsOf(server, Kind.fetch)).toEqual([0, 1, 2])
    server.close(1001)
    await clock.advance(1_000)
    expect(idsOf(server, Kind.fetch)).toEqual([0, 1, 2, 1, 2])
    server.say(answerTo(1))
    await clock.advance(10)
    expect(idsOf(server, Kind.fetch)).toEqual([0, 1, 2, 1, 2, 3])
    expect(fetched.map(({ now }) => now())).toEqual(['done', 'waits', 'waits'])
    await remote.close()
  })
})

describe('a server that answers STALLED before the patience of the asker is over', () => {
  test('is asked again at once where it did wait, and else each time later', async () => {
    const { clock, server, remote } = await talk()
    const fetched = outcome(remote.fetch('a', { min: { [source]: 9 }, timeoutMs: 100_000 }))
    await clock.advance(10)
    const asked = (): number => server.heard.length
    for (let round = 1; round <= 6; round++) {
      expect(asked()).toBe(round)
      server.say(stalled(0))
      const waitMs = 0.5 * 100 * 2 ** (round - 1)
      await clock.advance(waitMs - 1)
      expect(asked()).toBe(round)
      await clock.advance(1)
    }
    expect(asked()).toBe(7)
    for (let round = 8; round < 10; round++) {
      await clock.advance(30_000)
      server.say(stalled(0))
      await clock.advance(1)
      expect(asked()).toBe(round)
    }
    // Its own patience ends the pause as well.
    await clock.advance(36_000)
    expect(fetched.now()).toBe('waits')
    await clock.advance(3_000)
    expect(fetched.now()).toBe('STALLED')
    await remote.close()
  })

  test('is not asked twice at once when the connection comes back within a pause', async () => {
    const { clock, server, remote } = await talk((message) => (message[0] === Kind.fetch ? [stalled(message[1])] : []))
    const fetched = outcome(remote.fetch('a', { timeoutMs: 20_000 }))
    await clock.advance(1)
    server.close(1001)
    await clock.advance(20_000)
    // A pause that doubles, up to 2.5 s here.
    expect(server.heard.length).toBeLessThan(20)
    expect(server.dials).toBe(2)
    expect(fetched.now()).toBe('STALLED')
    await remote.close()
  })
})

describe('without a connection', () => {
  const away = async (): Promise<Talk> => {
    const talking = await talk(undefined, {}, { retryMs: 1e9, retryMsMax: 1e9 })
    talking.server.close(1001)
    await talking.clock.advance(10)
    expect(talking.remote.connection.status).toBe('waiting')
    return talking
  }

  test("STALLED: stall 'fail' fails at once, and any other patience ends to the millisecond", async () => {
    const { clock, remote } = await away()
    const failing = outcome(remote.fetch('a', { stall: 'fail' }))
    const impatient = outcome(remote.fetch('a', { timeoutMs: 0 }))
    const patient = outcome(remote.fetch('a', { timeoutMs: 100, stall: 'older' }))
    await turns()
    expect(failing.now()).toBe('STALLED')
    await clock.advance(0)
    expect([impatient.now(), patient.now()]).toEqual(['STALLED', 'waits'])
    await clock.advance(99)
    expect(patient.now()).toBe('waits')
    await clock.advance(1)
    expect(patient.now()).toBe('STALLED')
    await remote.close()
  })

  test('STALLED: it is no other where the connection goes while it is asked', async () => {
    const { clock, server, remote } = await talk(undefined, {}, { retryMs: 1e9, retryMsMax: 1e9 })
    const failing = outcome(remote.fetch('a', { stall: 'fail' }))
    const patient = outcome(remote.fetch('a', { timeoutMs: 500 }))
    await clock.advance(10)
    server.close(1001)
    await clock.advance(10)
    expect([failing.now(), patient.now()]).toEqual(['STALLED', 'waits'])
    await clock.advance(480)
    expect(patient.now()).toBe('STALLED')
    await remote.close()
  })

  test('close does not wait: a commit that was never sent was not applied', async () => {
    const { remote } = await away()
    const [committed, fetched] = [outcome(remote.commit([put('a', 1)])), outcome(remote.fetch('a'))]
    await turns()
    await remote.close()
    await turns()
    expect([committed.now(), fetched.now()]).toEqual(['CLOSED no', 'CLOSED'])
  })

  test('close waits for commits that were sent, and no longer than the connection', async () => {
    const { clock, server, remote } = await talk(undefined, { requests: 1 })
    const sent = outcome(remote.commit([put('a', 1)]))
    const unsent = outcome(remote.commit([put('b', 1)]))
    await clock.advance(10)
    const closing = outcome(remote.close())
    await clock.advance(1_000)
    expect([sent.now(), unsent.now(), closing.now()]).toEqual(['waits', 'waits', 'waits'])
    server.close(1001)
    await clock.advance(10)
    expect([sent.now(), unsent.now(), closing.now()]).toEqual(['ABORTED unknown', 'CLOSED no', 'done'])
  })
})
