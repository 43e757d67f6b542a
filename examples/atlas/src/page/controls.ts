import { type Entry, live, prefix, put } from 'fanlight'
import type { Knobs } from '../knobs.ts'
import { app } from './ask.ts'
import { announce, byId, say } from './dom.ts'
import { onPlug, plugged, setPlugged } from './plug.ts'

/** For how long the page stays unplugged, in seconds. */
const unpluggedFor = 5

/** What can be turned: it travels as commits, and all pages follow it. */
export class Controls {
  readonly #list = live(app, prefix('settings/'))
  readonly #turn: (knobs: Knobs) => void
  #knobs: Knobs = { rate: 50, lagMs: 300, frozen: false, country: 'FR' }
  #left = 0

  /** @param turn hears of what they are now, whoever turned them */
  constructor(turn: (knobs: Knobs) => void) {
    this.#turn = turn
    this.#list.onChange(() => this.#read())
    this.#slider('rate', (rate) => app.commit([put('settings/rate', rate)]))
    this.#slider('lag', (lagMs) => app.commit([put('settings/lagMs', lagMs)]))
    byId('freeze').addEventListener('click', () => void app.commit([put('settings/frozen', !this.#knobs.frozen)]))
    byId('country').addEventListener('change', () => {
      void app.commit([put('settings/country', byId<HTMLSelectElement>('country').value)])
    })
    byId('unplug').addEventListener('click', () => this.#unplug())
    onPlug(() => this.#drawPlug())
    this.#read()
    this.#drawPlug()
  }

  /** What they are now. */
  get now(): Knobs {
    return this.#knobs
  }

  #slider(id: string, commit: (value: number) => Promise<unknown>): void {
    const input = byId<HTMLInputElement>(id)
    let wanted: number | undefined
    let isBusy = false
    // While one commit is under way, only the last place of the slider counts.
    const send = async (): Promise<void> => {
      if (isBusy) return
      isBusy = true
      while (wanted !== undefined) {
        const value = wanted
        wanted = undefined
        await commit(value).catch(() => undefined)
      }
      isBusy = false
    }
    input.addEventListener('input', () => {
      wanted = Number(input.value)
      say(byId(`${id}-value`), input.value)
      void send()
    })
  }

  #read(): void {
    const entries = (this.#list.value ?? []) as readonly Entry[]
    if (entries.length === 0) return
    const said = Object.fromEntries(entries.map(({ key, value }) => [key.slice('settings/'.length), value]))
    const before = this.#knobs
    this.#knobs = { ...before, ...(said as Partial<Knobs>) }
    const { rate, lagMs, frozen } = this.#knobs
    for (const [id, value] of [['rate', rate] as const, ['lag', lagMs] as const]) {
      const input = byId<HTMLInputElement>(id)
      // A slider that is being moved is not moved back by what it was a moment ago.
      if (!input.matches(':active')) input.value = `${value}`
      say(byId(`${id}-value`), input.value)
    }
    byId('freeze').setAttribute('aria-pressed', `${frozen}`)
    say(byId('freeze'), frozen ? 'Let the index go on' : 'Freeze the index')
    if (before.frozen !== frozen) announce(frozen ? 'The index is frozen.' : 'The index goes on.')
    say(byId('settings-version'), `${this.#version()}`)
    this.#turn(this.#knobs)
  }

  /** Up to which version of the settings the page knows. */
  #version(): number {
    const { versions } = this.#list
    return Object.entries(versions).find(([source]) => source.startsWith('settings@'))?.[1] ?? 0
  }

  #unplug(): void {
    if (plugged() === 'unplugged') {
      this.#left = 0
      return setPlugged(true)
    }
    this.#left = unpluggedFor
    setPlugged(false)
    const timer = setInterval(() => {
      this.#left--
      if (this.#left <= 0) {
        clearInterval(timer)
        setPlugged(true)
      }
      this.#drawPlug()
    }, 1000)
  }

  #drawPlug(): void {
    const now = plugged()
    const button = byId('unplug')
    button.setAttribute('aria-pressed', `${now === 'unplugged'}`)
    say(button, now === 'unplugged' ? `Plug it in again (${this.#left} s)` : 'Unplug this page')
  }
}
