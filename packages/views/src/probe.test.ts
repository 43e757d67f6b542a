import { type Store, everything } from '@fanlight/core'
import { readQuery } from '@fanlight/core/kit'
import { turns } from '@fanlight/core/testing'
import { expect, test } from 'vitest'
import { Probe } from './probe.ts'

test('L9: an upstream that says it is there, while its feed is not, is asked once for each time that the feed moves', async () => {
  let asked = 0
  const fetch = async (): Promise<unknown> => void asked++
  const upstream = { fetch, reached: {} } as unknown as Store
  const look = (): void => probe.look({ gone: 1 }, () => 2)
  const probe = new Probe(upstream, readQuery(everything), look)
  look()
  await turns()
  expect(asked).toBe(1)
  probe.heard()
  look()
  await turns()
  expect(asked).toBe(2)
  probe.stop()
})
