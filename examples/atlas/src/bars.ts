import type { Window, Windows } from 'fanlight'

/** How many characters a bar is long. */
const length = 44

/** One source: what each side claims of it, and the point at which they agree. */
export interface Bar {
  readonly label: string
  readonly window: Window
}

/** Draws windows of one source as bars over its versions, with the agreed point through them. */
export function drawBars(bars: readonly Bar[], agreed: number): string[] {
  const from = Math.min(agreed, ...bars.map(({ window }) => Math.max(window.from, agreed - 60)))
  const to = Math.max(agreed, from + 1, ...bars.map(({ window }) => window.to))
  const place = (version: number): number => Math.round(((Math.max(version, from) - from) / (to - from)) * (length - 1))
  return bars.map(({ label, window }) => {
    const cells = Array.from({ length }, (_, i): string =>
      i >= place(window.from) && i <= place(window.to) ? '━' : '·',
    )
    cells[place(agreed)] = '┃'
    return `${label.padEnd(18)} ${cells.join('')} ${window.from}–${window.to}`
  })
}

/** The window of the source with a name, of several. */
export function windowOf(windows: Windows, name: string): Window | undefined {
  return Object.entries(windows).find(([source]) => source.startsWith(`${name}@`))?.[1]
}
