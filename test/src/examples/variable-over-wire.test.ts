import { describe, expect, test } from 'vitest'
import { start } from '../support/program.ts'

describe('the example variable-over-wire', () => {
  test('what one process sets, the others see; each ends when it is asked to', async () => {
    await using server = start('examples/variable-over-wire/dist/server.js')
    const [, url = ''] = await server.says(/is at (\S+)/)
    await using follower = start('examples/variable-over-wire/dist/client.js', url)
    await follower.says(/it is "hello"/)
    await using setter = start('examples/variable-over-wire/dist/client.js', url, 'good evening')
    for (const one of [server, follower, setter]) await one.says(/it is "good evening"/)
    // Who sets it reads what it wrote, and nothing older.
    expect(setter.out).not.toContain('hello')
    for (const one of [setter, follower, server]) {
      expect(await one.stop()).toBe(0)
      expect(one.err).toBe('')
    }
  })
})
