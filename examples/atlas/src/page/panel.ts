import type { Answer, Row, Torn } from '../compare.ts'
import { byId, count, make, say } from './dom.ts'

/** How many cities a panel lists. */
const rowsShown = 8

/** How long a torn answer stays, in milliseconds: else nobody could read it. */
const frozenMs = 2500

/** One way of asking, as the page shows it. */
export class Panel {
  torn = 0
  answers = 0
  readonly #root: HTMLElement
  readonly #id: string
  readonly #body: HTMLElement
  #answer: Answer | undefined
  #frozen: Torn | undefined
  #frozenAt = -Infinity
  #ageMs = 0
  #tookMs = 0
  #askedAt: number | undefined
  #wrong = ''

  constructor(id: string) {
    this.#id = id
    this.#root = byId(`panel-${id}`)
    this.#body = byId(`rows-${id}`)
  }

  /** It asks now. */
  asks(now: number): void {
    this.#askedAt = now
  }

  /** Takes an answer in. */
  take(answer: Answer, ageMs: number, now: number): void {
    this.answers++
    this.#answer = answer
    this.#ageMs = ageMs
    this.#tookMs = now - (this.#askedAt ?? now)
    this.#askedAt = undefined
    this.#wrong = ''
    if (answer.torn === undefined) return
    this.torn++
    if (now - this.#frozenAt < frozenMs) return
    this.#frozen = answer.torn
    this.#frozenAt = now
  }

  /** There was no answer. */
  failed(why: string): void {
    this.#wrong = why
  }

  /** The counts: often, they are short. */
  drawCounts(): void {
    say(byId(`torn-${this.#id}`), `${this.torn}`)
    say(byId(`answers-${this.#id}`), count(this.answers))
    this.#root.classList.toggle('is-torn', this.torn > 0)
  }

  /**
   * Everything else: seldom enough to be read.
   *
   * @param why why it may have to wait for an answer
   */
  draw(now: number, why: string): void {
    this.drawCounts()
    const waitingMs = this.#askedAt === undefined ? 0 : now - this.#askedAt
    say(byId(`age-${this.#id}`), `${Math.round(this.#ageMs + (waitingMs > 1000 ? waitingMs : 0))}`)
    say(byId(`took-${this.#id}`), `${Math.round(Math.max(this.#tookMs, waitingMs))}`)
    say(byId(`note-${this.#id}`), this.#note(waitingMs, why))
    const rows = this.#answer?.rows.slice(0, rowsShown) ?? []
    while (this.#body.children.length < rows.length) this.#body.append(emptyRow())
    while (this.#body.children.length > rows.length) this.#body.lastElementChild?.remove()
    rows.forEach((row, i) => fill(this.#body.children[i] as HTMLElement, row))
    const shown = this.#answer?.torn?.row ?? rows[0]
    say(byId(`says-${this.#id}`), shown?.data === undefined ? '' : sentence(shown))
    this.#drawFrozen()
  }

  #note(waitingMs: number, why: string): string {
    if (this.#wrong !== '') return this.#wrong
    return waitingMs > 1000 ? `waits for an answer since ${(waitingMs / 1000).toFixed(1)} s${why}` : ''
  }

  #drawFrozen(): void {
    const torn = this.#frozen
    if (torn === undefined) return
    say(byId(`frozen-${this.#id}`), `${sentence(torn.row)}.`)
    const versions = `The data are of version ${count(torn.dataVersion)}, the index of version ${count(torn.indexVersion)}.`
    say(byId(`versions-${this.#id}`), versions)
  }
}

/** What an answer says of a city. */
function sentence({ name, data, index }: Row): string {
  return `data says ${name} ${count(data ?? 0)}, index says ${count(index)}`
}

function emptyRow(): HTMLElement {
  const row = make('tr')
  const name = make('th')
  name.scope = 'row'
  row.append(name, make('td'), make('td'))
  return row
}

function fill(row: HTMLElement, { name, data, index }: Row): void {
  const [first, second, third] = row.children as unknown as [HTMLElement, HTMLElement, HTMLElement]
  say(first, name)
  say(second, data === undefined ? '…' : count(data))
  say(third, count(index))
  row.classList.toggle('differs', data !== undefined && data !== index)
}
