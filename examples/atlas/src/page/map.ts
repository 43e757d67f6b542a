import { type Entry, type Live, type PrefixRange, live, prefix } from 'fanlight'
import { type Box, cellsOf } from '../geohash.ts'
import type { Place } from '../places.ts'
import { cities } from './ask.ts'
import { byId, colour, count, fit, make, say } from './dom.ts'

/** How many ranges a query of the map has at most. */
const rangesMax = 32

/** How many cities are shown where the whole world is. */
const largestMax = 2000

/** For how long a city that changed is marked, in milliseconds. */
const markMs = 900

/** How often marks are drawn while nothing else happens, in milliseconds. */
const frameMs = 120

/** How many names stand on the map, and in the list beside it. */
const namesMax = 14
const listMax = 8

type PlaceRange = PrefixRange<`places/${string}` | 'largest/'>

/** A map of the cities in view: a live query, another one for each view. */
export class WorldMap {
  readonly #canvas = byId<HTMLCanvasElement>('map')
  readonly #still = matchMedia('(prefers-reduced-motion: reduce)')
  #land: Path2D | undefined
  /** The land of the present view, drawn once: it has many thousand points. */
  readonly #ground = document.createElement('canvas')
  #groundOf = ''
  /** The middle of the view, as shares of the world from the west and from the north; and pixels of the whole world. */
  #view = { x: 0.5, y: 0.4, scale: 0 }
  #list: Live<Place> | undefined
  #shown: readonly Entry<Place>[] = []
  #versions: ReadonlyMap<string, Entry<Place>> = new Map()
  readonly #marks = new Map<string, number>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #isDirty = true
  #asked = ''
  #country = ''
  #drawnAt = 0
  #isSeen = false

  constructor() {
    this.#listen()
    // What is not seen is neither asked for nor drawn: the two answers come first.
    const observer = new IntersectionObserver(([entry]) => this.#see(entry?.isIntersecting === true), {
      rootMargin: '200px',
    })
    observer.observe(this.#canvas)
    new ResizeObserver(() => this.#move(0, 0, 1)).observe(this.#canvas)
    const draw = (): void => {
      if (this.#isSeen) this.#draw(performance.now())
      requestAnimationFrame(draw)
    }
    requestAnimationFrame(draw)
    setInterval(() => this.#tell(), 1000)
  }

  /** Marks the cities of a country. */
  set country(code: string) {
    if (this.#country === code) return
    this.#country = code
    this.#isDirty = true
  }

  /** Shows a part of the world. */
  show({ west, south, east, north }: Box): void {
    const { clientWidth, clientHeight } = this.#canvas
    const [left, right, upper, lower] = [xOf(west), xOf(east), yOf(north), yOf(south)]
    const scale = 0.8 * Math.min(clientWidth / (right - left || 0.001), clientHeight / (lower - upper || 0.001))
    this.#view = { x: (left + right) / 2, y: (upper + lower) / 2, scale }
    this.#move(0, 0, 1)
  }

  #see(isSeen: boolean): void {
    this.#isSeen = isSeen
    if (!isSeen) return
    this.#isDirty = true
    if (this.#asked === '') void this.#loadLand()
    this.#ask()
  }

  async #loadLand(): Promise<void> {
    const response = await fetch('/outlines.json')
    if (!response.ok) return
    const path = new Path2D()
    for (const line of (await response.json()) as readonly (readonly number[])[]) {
      for (let i = 0; i + 1 < line.length; i += 2) {
        const [x, y] = [xOf(line[i] ?? 0), yOf(line[i + 1] ?? 0)]
        if (i === 0) path.moveTo(x, y)
        else path.lineTo(x, y)
      }
      path.closePath()
    }
    this.#land = path
    this.#isDirty = true
  }

  #listen(): void {
    const canvas = this.#canvas
    const pointers = new Map<number, PointerEvent>()
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId)
      pointers.set(event.pointerId, event)
    })
    canvas.addEventListener('pointermove', (event) => {
      const before = pointers.get(event.pointerId)
      if (before === undefined) return
      const [other] = [...pointers.values()].filter(({ pointerId }) => pointerId !== event.pointerId)
      pointers.set(event.pointerId, event)
      const part = other === undefined ? 1 : 2
      const zoom = other === undefined ? 1 : distance(event, other) / Math.max(1, distance(before, other))
      this.#move((before.clientX - event.clientX) / part, (before.clientY - event.clientY) / part, zoom)
    })
    for (const type of ['pointerup', 'pointercancel'] as const) {
      canvas.addEventListener(type, ({ pointerId }) => pointers.delete(pointerId))
    }
    // The page scrolls past the map, unless someone is busy with it.
    canvas.addEventListener('wheel', (event) => {
      if (!event.ctrlKey && document.activeElement !== canvas) return
      event.preventDefault()
      this.#move(0, 0, Math.exp(-event.deltaY / 300), event.offsetX, event.offsetY)
    })
    canvas.addEventListener('dblclick', ({ offsetX, offsetY }) => this.#move(0, 0, 2, offsetX, offsetY))
    const steps: Readonly<Record<string, readonly [number, number, number]>> = {
      ArrowLeft: [-60, 0, 1],
      ArrowRight: [60, 0, 1],
      ArrowUp: [0, -60, 1],
      ArrowDown: [0, 60, 1],
      '+': [0, 0, 1.5],
      '=': [0, 0, 1.5],
      '-': [0, 0, 1 / 1.5],
    }
    canvas.addEventListener('keydown', (event) => {
      const step = steps[event.key]
      if (step === undefined || event.ctrlKey || event.metaKey) return
      event.preventDefault()
      this.#move(...step)
    })
    byId('map-in').addEventListener('click', () => this.#move(0, 0, 1.8))
    byId('map-out').addEventListener('click', () => this.#move(0, 0, 1 / 1.8))
    byId('map-world').addEventListener('click', () => {
      this.#view = { x: 0.5, y: 0.4, scale: 0 }
      this.#move(0, 0, 1)
    })
  }

  /** Moves by so many pixels, and zooms around a place of the canvas. */
  #move(dx: number, dy: number, zoom: number, atX?: number, atY?: number): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas
    const smallest = Math.max(width, height / 0.75)
    const { x, y, scale } = this.#view
    const next = Math.min(400 * smallest, Math.max(smallest, scale * zoom))
    const [fromX, fromY] = [(atX ?? width / 2) - width / 2, (atY ?? height / 2) - height / 2]
    const before = Math.max(scale, smallest)
    const limit = (value: number, half: number, end: number): number => Math.min(end - half, Math.max(half, value))
    this.#view = {
      x: limit(x + dx / next + fromX / before - fromX / next, Math.min(0.5, width / next / 2), 1),
      y: limit(y + dy / next + fromY / before - fromY / next, Math.min(0.5, height / next / 2), 0.98),
      scale: next,
    }
    this.#isDirty = true
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#ask(), 150)
  }

  /** The part of the world that is seen. */
  get #box(): Box {
    const { clientWidth: width, clientHeight: height } = this.#canvas
    const { x, y, scale } = this.#view
    const [dx, dy] = [width / scale / 2, height / scale / 2]
    return {
      west: (x - dx) * 360 - 180,
      east: (x + dx) * 360 - 180,
      north: latitudeOf(y - dy),
      south: latitudeOf(y + dy),
    }
  }

  #ask(): void {
    if (!this.#isSeen) return
    const query = queryOf(this.#box)
    const asked = JSON.stringify(query)
    if (asked === this.#asked) return
    this.#asked = asked
    const list = live(cities, query)
    list.onChange(() => {
      if (this.#asked === asked && list.value !== undefined) this.#take(list)
    })
    if (list.value !== undefined) this.#take(list)
  }

  /** The first list of another view ends the former one, which was shown until then. */
  #take(list: Live<Place>): void {
    const isNew = this.#list !== list
    if (isNew) {
      void this.#list?.close()
      this.#list = list
    }
    const now = performance.now()
    const entries = list.value ?? []
    const versions = new Map<string, Entry<Place>>()
    for (const entry of entries) {
      const { id } = entry.value
      const before = this.#versions.get(id)
      // Entries that did not change are the same objects.
      if (!isNew && before !== undefined && before !== entry) this.#marks.set(id, now)
      versions.set(id, entry)
    }
    this.#versions = versions
    this.#shown = entries
    if (isNew) this.#isDirty = true
  }

  /** The same in words, a list of the largest. */
  #tell(): void {
    const { west, east, south, north } = this.#box
    const seen = this.#shown
      .map(({ value }) => value)
      .filter(({ longitude: x, latitude: y }) => x >= west && x <= east && y >= south && y <= north)
      .sort((a, b) => b.population - a.population)
    const ranges = (JSON.parse(this.#asked || '[]') as unknown[]).length
    say(
      byId('map-count'),
      `${count(seen.length)} cities, a live query of ${ranges} ${ranges === 1 ? 'range' : 'ranges'}`,
    )
    const list = byId('map-list')
    const largest = seen.slice(0, listMax)
    while (list.children.length > largest.length) list.lastElementChild?.remove()
    while (list.children.length < largest.length) {
      const item = make('li')
      item.append(make('span'), make('span', 'number'))
      list.append(item)
    }
    largest.forEach(({ name, population }, i) => {
      const [first, second] = (list.children[i]?.children ?? []) as unknown as [HTMLElement, HTMLElement]
      say(first, name)
      say(second, count(population))
    })
  }

  #draw(now: number): void {
    if (!this.#isDirty && (this.#marks.size === 0 || now - this.#drawnAt < frameMs)) return
    this.#isDirty = false
    this.#drawnAt = now
    const context = this.#canvas.getContext('2d')
    if (context === null) return
    const { width, height } = fit(this.#canvas)
    if (width === 0) return
    this.#drawGround(width, height)
    context.drawImage(this.#ground, 0, 0, width, height)
    this.#drawCities(context, now)
  }

  #drawGround(width: number, height: number): void {
    const { x, y, scale } = this.#view
    const of = [width, height, devicePixelRatio, x, y, scale, colour('land'), this.#land === undefined].join()
    const context = this.#ground.getContext('2d')
    if (of === this.#groundOf || context === null) return
    this.#groundOf = of
    this.#ground.width = Math.round(width * devicePixelRatio)
    this.#ground.height = Math.round(height * devicePixelRatio)
    context.scale(devicePixelRatio, devicePixelRatio)
    context.fillStyle = colour('sea')
    context.fillRect(0, 0, width, height)
    if (this.#land === undefined) return
    context.translate(width / 2 - x * scale, height / 2 - y * scale)
    context.scale(scale, scale)
    context.fillStyle = colour('land')
    context.fill(this.#land, 'evenodd')
    context.strokeStyle = colour('coast')
    context.lineWidth = 0.8 / scale
    context.stroke(this.#land)
  }

  #drawCities(context: CanvasRenderingContext2D, now: number): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas
    const { x, y, scale } = this.#view
    const zoom = Math.sqrt(scale / Math.max(1, width))
    const places: { readonly place: Place; readonly px: number; readonly py: number; readonly r: number }[] = []
    for (const { value: place } of this.#shown) {
      const px = (xOf(place.longitude) - x) * scale + width / 2
      const py = (yOf(place.latitude) - y) * scale + height / 2
      if (px < -20 || py < -20 || px > width + 20 || py > height + 20) continue
      places.push({ place, px, py, r: Math.min(16, 0.9 + (Math.sqrt(place.population) / 2200) * zoom) })
    }
    for (const isOwn of [false, true]) {
      context.fillStyle = colour(isOwn ? 'own' : 'city')
      context.globalAlpha = isOwn ? 0.85 : 0.5
      context.beginPath()
      for (const { place, px, py, r } of places) {
        if ((place.country === this.#country) !== isOwn) continue
        context.moveTo(px + r, py)
        context.arc(px, py, r, 0, 7)
      }
      context.fill()
    }
    context.lineWidth = 1.5
    context.strokeStyle = colour('agreed')
    for (const { place, px, py, r } of places) {
      const share = (now - (this.#marks.get(place.id) ?? -Infinity)) / markMs
      if (share > 1 || this.#still.matches) continue
      context.globalAlpha = 1 - share
      context.beginPath()
      context.arc(px, py, r + 2 + share * 9, 0, 7)
      context.stroke()
    }
    context.globalAlpha = 1
    for (const [id, at] of this.#marks) if (now - at > markMs) this.#marks.delete(id)
    drawNames(context, places, width)
  }
}

interface Placed {
  readonly place: Place
  readonly px: number
  readonly py: number
  readonly r: number
}

/** The names of the largest, where they do not stand on one another. */
function drawNames(context: CanvasRenderingContext2D, places: readonly Placed[], width: number): void {
  context.font = '500 12px system-ui, sans-serif'
  context.textAlign = 'left'
  context.textBaseline = 'middle'
  context.lineJoin = 'round'
  const taken: { readonly left: number; readonly right: number; readonly y: number }[] = []
  const largest = places.toSorted((a, b) => b.place.population - a.place.population).slice(0, 60)
  for (const { place, px, py, r } of largest) {
    if (taken.length >= namesMax) return
    const left = px + r + 4
    const right = left + context.measureText(place.name).width
    if (right > width || taken.some((one) => Math.abs(one.y - py) < 16 && left < one.right + 6 && right > one.left - 6))
      continue
    taken.push({ left, right, y: py })
    context.strokeStyle = colour('land')
    context.lineWidth = 3
    context.strokeText(place.name, left, py)
    context.fillStyle = colour('ink')
    context.fillText(place.name, left, py)
  }
}

/** What is asked for a view: the largest of the world, or the cells that it covers, of as many tiers as there is room for. */
function queryOf(box: Box): readonly PlaceRange[] {
  const span = box.east - box.west
  if (span > 100) return [{ ...prefix('largest/'), limit: largestMax }]
  const tiers = span > 25 ? ['a'] : span > 6 ? ['a', 'b'] : ['a', 'b', 'c']
  const cells = cellsOf(box, Math.floor(rangesMax / tiers.length))
  return tiers.flatMap((tier) => cells.map((cell): PlaceRange => prefix(`places/at/${tier}/${cell}`)))
}

function distance(a: PointerEvent, b: PointerEvent): number {
  return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY)
}

function xOf(longitude: number): number {
  return (longitude + 180) / 360
}

/** Where a latitude is on a map after Mercator. */
function yOf(latitude: number): number {
  const angle = (Math.max(-84, Math.min(84, latitude)) * Math.PI) / 180
  return (1 - Math.log(Math.tan(Math.PI / 4 + angle / 2)) / Math.PI) / 2
}

function latitudeOf(y: number): number {
  return (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI
}
