import { isFanlightError, put } from '@fanlight/core'
import { manualClock } from '@fanlight/core/testing'
import { connect, type Remote } from '@fanlight/client-browser'
import { type ClientMessage, CloseCode, Kind, type ServerMessage } from '@fanlight/protocol'
import { describe, expect, test } from 'vitest'
import { packed } from './raw.ts'
import { answerTo, script, type Scripted, source } from './scripted.ts'

type Answer = (message: ClientMessage, server: Scripted) => readonly ServerMessage[] | undefined

async function talk(
  answer: Answer,
  limits: Parameters<typeof script>[2] = {},
): Promise<{ clock: ReturnType<typeof manualClock>; server: Scripted; remote: Remote }> {
  const clock = manualClock(1_000)
  const server: Scripted = script(clock, (message) => answer(message, server), limits)
  const connecting = connect('ws://scripted', { clock, dial: server.dial, random: () => 0.5 })
  await clock.advance(10)
  return { clock, server, remote: await connecting }
}

/** What something ended with, as text. */
function ending(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: unknown) => (isFanlightError(error) ? `${error.code} ${error.applied ?? ''}`.trim() : String(error)),
  )
}

const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth))

describe('what a server cannot read', () => {
  test('BAD_VALUE: a value that is deeper than the server takes is not sent', async () => {
    const { clock, server, remote } = await talk(
      ({ 0: kind, 1: id }) => (kind === Kind.commit ? [[Kind.committed, id, { [source]: 2 }]] : undefined),
      { valueDepth: 10 },
    )
    expect(await ending(remote.commit([put('a', nested(11))]))).toBe('BAD_VALUE no')
    expect(await ending(remote.commit([put('a', 1)], { meta: nested(11) }))).toBe('BAD_VALUE no')
    expect(server.heard).toEqual([])
    const committed = ending(remote.commit([put('a', nested(10))]))
    await clock.advance(10)
    expect(await committed).toBe('done')
    expect(server.dials).toBe(1)
    await remote.close()
  })

  test('BAD_FRAME: a commit after which it closes with 4400 is not made again; what is beside it goes on', async () => {
    const { clock, server, remote } = await talk((message, self) => {
      if (message[0] === Kind.fetch) return self.dials > 1 ? [answerTo(message[1])] : undefined
      self.close(CloseCode.badFrame)
      return undefined
    })
    const fetched = ending(remote.fetch('a'))
    const committed = ending(remote.commit([put('a', 1)]))
    await clock.advance(60_000)
    expect(await committed).toBe('BAD_FRAME unknown')
    expect(await fetched).toBe('done')
    expect(server.heard.filter(([kind]) => kind === Kind.commit)).toHaveLength(1)
    expect(server.dials).toBe(2)
    await remote.close()
  })

  test('BAD_FRAME: what is asked is not asked for ever', async () => {
    const { clock, server, remote } = await talk((_, self) => {
      self.close(CloseCode.badFrame)
      return undefined
    })
    const fetched = ending(remote.fetch('a', { timeoutMs: Infinity }))
    await clock.advance(600_000)
    expect(await fetched).toBe('BAD_FRAME')
    expect(server.heard).toHaveLength(3)
    expect(remote.connection.status).toBe('open')
    await remote.close()
  })
})

describe('what a client cannot read', () => {
  const odd: readonly (readonly [string, Uint8Array])[] = [
    ['a date as a value', packed(0x91, 0x94, Kind.part, 0, { of: [['a', new Date(0)]] }, 0xc0)],
    ['an extension', packed(0x91, 0x93, Kind.part, 0, 0xd4, 1, 0)],
    ['a record of msgpackr', packed(0x91, 0x93, Kind.part, 0, 0xd4, 0x72, 0x40, 0x91, { of: 'name' }, 1)],
    ['an extension of eight bits', packed(0x91, 0x93, Kind.part, 0, 0xc7, 1, 5, 0)],
    ['a kind that there is not', packed(0x91, 0x92, 99, 0)],
    ['what ends early', packed(0x91, 0x92, Kind.beat)],
    ['no array of messages', packed(0x01)],
  ]

  test.each(odd)('%s: it leaves that connection, and goes on over another', async (_, bytes) => {
    const { clock, server, remote } = await talk((message, self) => {
      if (self.dials > 1) return [answerTo(message[1])]
      self.sayBytes(bytes)
      return undefined
    })
    const fetched = ending(remote.fetch('a'))
    await clock.advance(60_000)
    expect(await fetched).toBe('done')
    expect(server.dials).toBe(2)
    await remote.close()
  })
})
