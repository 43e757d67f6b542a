import { type Entry, isFanlightError, live, prefix, put } from 'fanlight'
import type { Country } from '../countries.ts'
import { app } from './ask.ts'
import { announce, byId, make, say } from './dom.ts'

/** The countries of the JSON file: the one that is shown, and all to choose from. */
export class Countries {
  readonly #list = live(app, prefix('countries/'))
  readonly #rows = byId('country-rows')
  #code = ''
  #isStale = false

  constructor() {
    this.#list.onChange(() => this.#draw())
    this.#edit()
    this.#draw()
  }

  /** Which one is shown, by its two letters. */
  set code(code: string) {
    this.#code = code
    this.#draw()
  }

  /** What it is called. */
  get name(): string {
    return this.nameOf(this.#code)
  }

  /** What a country is called, by its two letters. */
  nameOf(code: string): string {
    return this.#find(code)?.name ?? code
  }

  get #country(): Country | undefined {
    return this.#find(this.#code)
  }

  #find(code: string): Country | undefined {
    return this.#list.value?.find(({ key }) => key === `countries/${code}`)?.value
  }

  #draw(): void {
    this.#drawChoice(this.#list.value ?? [])
    const country = this.#country
    say(byId('country-flag'), typeof country?.flag === 'string' ? country.flag : '')
    say(byId('country-name'), this.name)
    for (const element of document.querySelectorAll<HTMLElement>('.country-name')) say(element, this.name)
    const rows = Object.entries(country ?? {}).filter(([name]) => name !== 'name' && name !== 'flag')
    while (this.#rows.children.length > rows.length * 2) this.#rows.lastElementChild?.remove()
    while (this.#rows.children.length < rows.length * 2) this.#rows.append(make('dt'), make('dd'))
    rows.forEach(([name, value], i) => {
      say(this.#rows.children[i * 2] as HTMLElement, name)
      const text = typeof value === 'string' ? value : JSON.stringify(value)
      say(this.#rows.children[i * 2 + 1] as HTMLElement, text === '' ? 'none' : text)
    })
    this.#drawStale()
  }

  /** Where the file cannot be read, what is shown is what it was. */
  #drawStale(): void {
    const stale = Object.entries(this.#list.state).find(
      ([source, { status }]) => status === 'stale' && source.startsWith('countries.json@'),
    )
    const why = stale?.[1].why
    const isStale = isFanlightError(why) && why.code === 'CORRUPT'
    say(byId('country-stale'), isStale ? `The file cannot be read, so this is how it was: ${why.message}` : '')
    if (isStale && !this.#isStale) announce('countries.json cannot be read.')
    this.#isStale = isStale
  }

  #drawChoice(entries: readonly Entry<Country>[]): void {
    const select = byId<HTMLSelectElement>('country')
    const names = entries.map(({ key, value }) => [key.slice('countries/'.length), value?.name ?? ''] as const)
    names.sort(([, a], [, b]) => a.localeCompare(b))
    if (select.options.length !== names.length) {
      select.replaceChildren(...names.map(() => make('option')))
    }
    names.forEach(([code, name], i) => {
      const option = select.options[i] as HTMLOptionElement
      if (option.value !== code) option.value = code
      say(option, name)
    })
    if (select.value !== this.#code && document.activeElement !== select) select.value = this.#code
  }

  #edit(): void {
    const dialog = byId<HTMLDialogElement>('edit-dialog')
    const text = byId<HTMLTextAreaElement>('edit-text')
    byId('edit').addEventListener('click', () => {
      text.value = JSON.stringify(this.#country ?? {}, undefined, 2)
      say(byId('edit-wrong'), '')
      dialog.showModal()
    })
    byId('edit-cancel').addEventListener('click', () => dialog.close())
    byId('edit-form').addEventListener('submit', (event) => {
      event.preventDefault()
      this.#save(text.value)
        .then(() => dialog.close())
        .catch((error: unknown) => say(byId('edit-wrong'), error instanceof Error ? error.message : String(error)))
    })
  }

  async #save(text: string): Promise<void> {
    const country = JSON.parse(text) as Country
    if (typeof country?.name !== 'string') throw new Error('A country needs a name, which is a text.')
    await app.commit([put(`countries/${this.#code}`, country)])
    announce('The file is written.')
  }
}
