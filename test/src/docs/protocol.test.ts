import { Kind } from '@fanlight/protocol'
import { expect, test } from 'vitest'
import { readText } from './repository.ts'

test('docs/protocol.md has a row for each kind of message', () => {
  const rows = readText('docs/protocol.md')
    .split('\n')
    .flatMap((line) => /^\| (\d+) \| `\[(\d+)[,\]]/.exec(line)?.slice(1, 3) ?? [])
  const kinds = Object.values(Kind).flatMap((kind) => [`${kind}`, `${kind}`])
  expect(rows.sort()).toEqual(kinds.sort())
})
