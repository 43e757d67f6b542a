import type { Windows } from 'fanlight'
import { sourceName } from 'fanlight'
import { byId, colour, count, fit, say } from './dom.ts'
import { type Moments, sourceNamed } from './moments.ts'

/** What one store said of its source, as times. */
interface Bar {
  readonly start: number
  readonly end: number
}

interface Lane {
  readonly name: string
  readonly label: string
  readonly note: string
  bars: Bar[]
}

/** How many bars of the past a lane shows. */
const barsMax = 120

const laneHeight = 40
const top = 26
const bottom = 22

/** The windows of each source as bars over time, and the point on which Fanlight agreed through them. */
export class Timeline {
  readonly #canvas = byId<HTMLCanvasElement>('timeline')
  readonly #moments: Moments
  readonly #lanes: readonly Lane[] = [
    { name: 'data', label: 'cities', note: 'the data', bars: [] },
    { name: 'index', label: 'by-country', note: 'the index', bars: [] },
    { name: 'countries', label: 'countries', note: 'the JSON file', bars: [] },
    { name: 'load', label: 'load', note: 'a variable', bars: [] },
  ]
  #agreed: { readonly at: number; readonly version: number } | undefined
  #past: number[] = []
  #spanMs = 2500
  #versions: Readonly<Record<string, Windows[string]>> = {}

  constructor(moments: Moments) {
    this.#moments = moments
    this.#canvas.style.height = `${top + this.#lanes.length * laneHeight + bottom}px`
  }

  /** What a store says of its source now. */
  take(name: string, source: string | undefined, windows: Windows, now: number): void {
    const lane = this.#lanes.find((one) => one.name === name)
    const window = source === undefined ? undefined : windows[source]
    if (lane === undefined || source === undefined || window === undefined) return
    this.#versions = { ...this.#versions, [name]: window }
    const start = this.#moments.timeOf(source, window.from)
    const isNewest = this.#moments.ageOf(source, window.to, now) === 0
    const end = isNewest ? now : this.#moments.timeOf(source, window.to + 1)
    lane.bars.push({ start, end: Math.max(start, end) })
    if (lane.bars.length > barsMax) lane.bars = lane.bars.slice(-barsMax / 2)
  }

  /** Windows of the sources that are not compared: each under its own name. */
  takeOthers(windows: Windows, now: number): void {
    this.#moments.saw(Object.fromEntries(Object.entries(windows).map(([source, { to }]) => [source, to])), now)
    for (const source in windows) {
      const name = sourceName(source)
      if (name === 'load') this.take('load', source, windows, now)
      else if (name !== 'mounts') this.take('countries', source, windows, now)
    }
  }

  /** The point on which all agreed in the newest answer of the router. */
  agree(windows: Windows): void {
    const source = sourceNamed(windows, 'cities')
    const window = source === undefined ? undefined : windows[source]
    if (source === undefined || window === undefined) return
    const at = this.#moments.timeOf(source, window.to)
    if (this.#agreed !== undefined) this.#past = [...this.#past.slice(-60), this.#agreed.at]
    this.#agreed = { at, version: window.to }
  }

  /** Says the same in words. */
  describe(): void {
    const { data, index } = this.#versions
    if (data === undefined || index === undefined || this.#agreed === undefined) return
    const { version } = this.#agreed
    const behind = Math.max(0, data.to - version)
    say(
      byId('timeline-text'),
      `The data are at version ${count(data.to)}, the index at ${count(index.to)}. ` +
        `Fanlight agreed on version ${count(version)}, ${count(behind)} ${behind === 1 ? 'commit' : 'commits'} behind the data.`,
    )
  }

  draw(now: number): void {
    const context = this.#canvas.getContext('2d')
    if (context === null) return
    const { width, height } = fit(this.#canvas)
    const isNarrow = width < 560
    const left = isNarrow ? 84 : 176
    const ageMs = this.#agreed === undefined ? 0 : now - this.#agreed.at
    // It widens at once where the answer is old, and closes in slowly.
    const wanted = Math.min(60_000, Math.max(2500, ageMs * 1.6))
    this.#spanMs = wanted > this.#spanMs ? wanted : this.#spanMs + (wanted - this.#spanMs) * 0.05
    const right = width - 12
    const place = (time: number): number => right - ((now - time) / this.#spanMs) * (right - left)
    context.clearRect(0, 0, width, height)
    this.#drawScale(context, { left, right, height })
    this.#lanes.forEach((lane, i) => drawLane(context, lane, { y: top + i * laneHeight, left, right, place, isNarrow }))
    this.#drawAgreed(context, { left, right, height, place })
  }

  #drawScale(context: CanvasRenderingContext2D, { left, right, height }: Sides): void {
    // So far apart that what is said of them has room.
    const leastMs = (80 / (right - left)) * this.#spanMs
    const stepMs = [500, 1000, 2000, 5000, 10_000].find((ms) => ms >= leastMs) ?? 20_000
    context.font = '12px system-ui, sans-serif'
    context.textBaseline = 'alphabetic'
    context.textAlign = 'right'
    for (let ms = 0; ms < this.#spanMs; ms += stepMs) {
      const x = right - (ms / this.#spanMs) * (right - left)
      context.fillStyle = colour('line')
      if (x - left > 8) context.fillRect(x, top - 4, 1, height - top - bottom + 8)
      context.fillStyle = colour('quiet')
      if (x - left > 40) context.fillText(ms === 0 ? 'now' : `${ms / 1000} s ago`, x + (ms === 0 ? 0 : 14), height - 5)
    }
  }

  #drawAgreed(
    context: CanvasRenderingContext2D,
    { left, height, place }: Sides & { readonly place: (time: number) => number },
  ): void {
    if (this.#agreed === undefined) return
    context.fillStyle = colour('agreed')
    for (const time of this.#past) {
      const x = place(time)
      if (x < left) continue
      context.globalAlpha = 0.25
      context.fillRect(x - 0.5, top - 4, 1, height - top - bottom + 8)
    }
    context.globalAlpha = 1
    const x = Math.max(left, place(this.#agreed.at))
    context.fillRect(x - 1.25, top - 8, 2.5, height - top - bottom + 14)
    context.font = '600 12px system-ui, sans-serif'
    const text = `agreed on version ${count(this.#agreed.version)}`
    const half = context.measureText(text).width / 2
    context.textAlign = 'center'
    context.fillText(text, Math.min(Math.max(x, half + 4), this.#canvas.clientWidth - half - 4), 12)
  }
}

interface Sides {
  readonly left: number
  readonly right: number
  readonly height: number
}

interface Place {
  readonly y: number
  readonly left: number
  readonly right: number
  readonly isNarrow: boolean
  readonly place: (time: number) => number
}

function drawLane(context: CanvasRenderingContext2D, lane: Lane, { y, left, right, place, isNarrow }: Place): void {
  const middle = y + laneHeight / 2
  context.textAlign = 'left'
  context.textBaseline = 'middle'
  context.fillStyle = colour('ink')
  context.font = '600 13px system-ui, sans-serif'
  context.fillText(lane.label, 0, middle)
  if (!isNarrow) {
    context.fillStyle = colour('quiet')
    context.font = '12px system-ui, sans-serif'
    context.fillText(lane.note, 88, middle)
  }
  context.fillStyle = colour('lane')
  context.fillRect(left, middle - 9, right - left, 18)
  const last = lane.bars.length - 1
  context.fillStyle = colour(lane.name === 'index' ? 'index' : 'data')
  lane.bars.forEach(({ start, end }, i) => {
    const from = Math.max(left, Math.min(right, place(start)))
    const to = Math.max(left, Math.min(right, place(end)))
    if (place(end) < left) return
    context.globalAlpha = i === last ? 1 : 0.12
    // Even a single version can be seen.
    const wide = Math.max(3, to - from)
    context.fillRect(Math.min(from, right - wide), middle - 9, wide, 18)
  })
  context.globalAlpha = 1
}
