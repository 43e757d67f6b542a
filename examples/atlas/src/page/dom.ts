/** The element with an id: the page has it, and it is what the caller says. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- shorter than a cast at each caller
export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`the page has no #${id}`)
  return element as E
}

/** Sets a text where it differs: what stays as it is costs nothing, and disturbs no selection. */
export function say(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

/** Makes an element. */
export function make<T extends keyof HTMLElementTagNameMap>(
  tag: T,
  className = '',
  text = '',
): HTMLElementTagNameMap[T] {
  const element = document.createElement(tag)
  if (className !== '') element.className = className
  if (text !== '') element.textContent = text
  return element
}

/** A number as people read it. */
export function count(value: number): string {
  return value.toLocaleString('en')
}

/** Tells who listens to the page, and not more often than something happens. */
export function announce(text: string): void {
  say(byId('announcement'), text)
}

/** The colours of the page, by name: other ones in the dark. */
export function colour(name: string): string {
  let value = known.get(name)
  if (value === undefined) {
    value = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
    known.set(name, value)
  }
  return value
}

const known = new Map<string, string>()
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => known.clear())

/** Makes a canvas as fine as the screen, and gives its size in CSS pixels. */
export function fit(canvas: HTMLCanvasElement): { readonly width: number; readonly height: number } {
  const { clientWidth: width, clientHeight: height } = canvas
  const fine = devicePixelRatio
  if (canvas.width !== Math.round(width * fine) || canvas.height !== Math.round(height * fine)) {
    canvas.width = Math.round(width * fine)
    canvas.height = Math.round(height * fine)
  }
  canvas.getContext('2d')?.setTransform(fine, 0, 0, fine, 0, 0)
  return { width, height }
}
