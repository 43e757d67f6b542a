import { type View, drawLine, drawScreen, legend } from './screen.ts'
import { clip } from './clip.ts'

/** Shows the atlas: in place on a terminal, as a line a second otherwise. */
export class Terminal {
  readonly #out: NodeJS.WriteStream
  #linesAt = 0
  #explained = false

  constructor(out: NodeJS.WriteStream) {
    this.#out = out
  }

  get #isTty(): boolean {
    return this.#out.isTTY
  }

  /** Shows how far loading is. */
  progress(done: number, all: number): void {
    const share = done / all
    if (this.#isTty) {
      const bar = '█'.repeat(Math.round(share * 30)).padEnd(30, '░')
      this.#out.write(`\r  loading cities ${bar} ${done.toLocaleString('en')} of ${all.toLocaleString('en')} `)
    } else if (Math.floor(share * 10) > Math.floor((share - 2000 / all) * 10) || done === all) {
      this.#out.write(`loading cities: ${Math.floor(share * 100)} %\n`)
    }
    if (done === all) this.#out.write(`${this.#isTty ? '\n' : ''}making the index\n`)
  }

  /** Says something that happened. On a terminal the picture has it. */
  say(text: string): void {
    if (!this.#isTty) this.#out.write(`${text}\n`)
  }

  /** Shows the whole picture. */
  show(view: View, now: number): void {
    if (this.#isTty) {
      if (this.#linesAt === 0) this.#out.write('\x1b[?25l\x1b[2J')
      this.#linesAt = now
      const { rows, columns } = this.#out
      const lines = drawScreen(view, rows - 1).map((line) => clip(line, columns))
      this.#out.write(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join('\n')}\x1b[J`)
    } else if (this.#linesAt === 0) {
      // What there is to tell comes with the first answers.
      this.#linesAt = now
    } else if (now - this.#linesAt >= 1000) {
      this.#linesAt = now
      if (!this.#explained) this.#out.write(`${legend(view)}\n`)
      this.#explained = true
      this.#out.write(`${drawLine(view)}\n`)
    }
  }

  /** Gives the terminal back. */
  close(): void {
    if (this.#isTty && this.#linesAt > 0) this.#out.write('\x1b[?25h\n')
  }
}
