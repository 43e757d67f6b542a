/** A piece of code in a document or a comment. */
export interface Block {
  /** Where it begins: a path from the root, and a line. */
  readonly path: string
  readonly line: number
  readonly code: string
  /** What it prints, a line each; of what stands behind code, and in a block of text right after it. */
  readonly expected: readonly string[]
  /** Whether it is marked `no-run`: it declares tests, which only a runner of tests can run, or is a sketch. */
  readonly idle: boolean
}

const fence = /^```(\S*)(.*)$/
const commentBehindCode = /^(?!\s*\/\/).*\S\s+\/\/ (.+)$/

/** A block of any language, with what stands before and after it. */
interface Fenced {
  readonly language: string
  readonly note: string
  readonly line: number
  readonly lines: readonly string[]
  /** The lines of an HTML comment right before it. */
  readonly hidden: readonly string[]
  /** Whether only empty lines stand between it and the block before. */
  readonly follows: boolean
}

/**
 * The blocks of TypeScript in a document. Code that would only distract stands in an HTML comment right before a block: it
 * runs first, as a part of it.
 *
 * ```md
 * <!-- runs before
 * import { createMemoryStore } from '@fanlight/core'
 * -->
 * ```
 */
export function blocksOfDocument(path: string, text: string): Block[] {
  const all = fencedIn(text.split('\n'))
  return all.flatMap((fenced, i) => {
    const next = all[i + 1]
    const printed = next?.language === 'text' && next.follows ? next.lines : []
    return fenced.language === 'ts' ? [blockOf(path, fenced, printed)] : []
  })
}

/** The examples in the comments of a source. */
export function blocksOfSource(path: string, text: string): Block[] {
  const lines = text.split('\n')
  // What is no comment is emptied, so that the numbers of the lines stay.
  const comments = lines.map((line) => /^\s*\* ?(.*)$/.exec(line)?.[1] ?? '')
  return fencedIn(comments).flatMap((fenced) => (fenced.language === 'ts' ? [blockOf(path, fenced, [])] : []))
}

function blockOf(path: string, { line, lines, hidden, note }: Fenced, printed: readonly string[]): Block {
  const behind = lines.flatMap((one) => commentBehindCode.exec(one)?.[1] ?? [])
  return {
    path,
    line,
    code: [...hidden, ...lines].join('\n'),
    expected: [...behind, ...printed],
    idle: note.trim() === 'no-run',
  }
}

function fencedIn(lines: readonly string[]): Fenced[] {
  const found: Fenced[] = []
  let hidden: string[] = []
  let follows = false
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? ''
    if (line === '<!-- runs before') {
      const end = lines.indexOf('-->', i)
      hidden = lines.slice(i + 1, end)
      i = end
      continue
    }
    const opening = fence.exec(line)
    if (opening === null) {
      if (line.trim() !== '') {
        follows = false
        hidden = []
      }
      continue
    }
    const end = lines.indexOf('```', i + 1)
    const [, language = '', note = ''] = opening
    found.push({ language, note, line: i + 1, lines: lines.slice(i + 1, end), hidden, follows })
    hidden = []
    follows = true
    i = end
  }
  return found
}
