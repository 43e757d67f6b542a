import { expect, test } from 'vitest'
import { clip, fit } from './clip.ts'

test('a line is cut at the edge of the terminal, and its colours end', () => {
  expect(clip('\x1b[31mtorn\x1b[39m', 2)).toBe('\x1b[31mto\x1b[39m')
  expect(clip('torn', 4)).toBe('torn')
})

test('flags and East Asian letters take two columns, what is written over a letter none', () => {
  expect(clip('🇫🇷 France', 4)).toBe('🇫🇷 F')
  expect(clip('東京都', 4)).toBe('東京')
  expect(clip('e\u0301e\u0301x', 2)).toBe('e\u0301e\u0301')
  expect(fit('東京', 6)).toBe('東京  ')
})
