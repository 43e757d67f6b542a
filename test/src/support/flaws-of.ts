/**
 * What a look at a page finds: names, headings, contrast, width. It runs in the page, so it holds all that it needs:
 * `page.evaluate(flawsOf)`.
 */
export function flawsOf(): string[] {
  const flaws: string[] = []
  const nameOf = (element: Element): string => {
    const ids = element.getAttribute('aria-labelledby')?.split(' ') ?? []
    const by = ids.map((id) => document.getElementById(id)?.textContent ?? '').join(' ')
    const labels = (element as HTMLInputElement).labels ?? []
    const label = [...labels].map(({ textContent }) => textContent).join(' ')
    const own = element.matches('a, button') ? element.textContent : ''
    return (element.getAttribute('aria-label') ?? `${by}${label}${own}`).trim()
  }
  for (const element of document.querySelectorAll(
    'a, button, input, select, textarea, canvas, dialog, section, article',
  )) {
    if (nameOf(element) === '') flaws.push(`<${element.localName} id="${element.id}"> has no name`)
  }
  for (const attribute of ['for', 'aria-labelledby', 'aria-describedby']) {
    for (const element of document.querySelectorAll(`[${attribute}]`)) {
      for (const id of element.getAttribute(attribute)?.split(' ') ?? []) {
        if (document.getElementById(id) === null) flaws.push(`${attribute}="${id}" leads nowhere`)
      }
    }
  }
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id)
  for (const id of ids.filter((one, i) => ids.indexOf(one) !== i)) flaws.push(`#${id} is there twice`)
  if (document.documentElement.lang === '') flaws.push('the language is not told')
  if (document.querySelectorAll('h1').length !== 1) flaws.push('there is not one heading of the first level')
  let level = 0
  for (const { localName, textContent } of document.querySelectorAll('h1, h2, h3, h4')) {
    const next = Number(localName.slice(1))
    if (next > level + 1) flaws.push(`the heading ${textContent} leaves out a level`)
    level = next
  }
  for (const live of document.querySelectorAll('output, [aria-live=assertive]')) {
    flaws.push(`<${live.localName} id="${live.id}"> would be read out all the time`)
  }
  if (document.documentElement.scrollWidth > innerWidth) flaws.push('it scrolls sideways')
  // The least contrast that WCAG AA asks of text, where what is behind it is known.
  const light = (colour: string): number => {
    const [r = 0, g = 0, b = 0] = (colour.match(/[\d.]+/g) ?? []).slice(0, 3).map((part) => {
      const share = Number(part) / 255
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = (element: Element | null): string => {
    if (element === null) return 'rgb(255, 255, 255)'
    const { backgroundColor } = getComputedStyle(element)
    return backgroundColor === 'rgba(0, 0, 0, 0)' ? behind(element.parentElement) : backgroundColor
  }
  for (const element of document.querySelectorAll(
    'p, h1, h2, h3, th, td, dt, dd, li, label, button, a, span, strong',
  )) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim() !== '')
    if (!hasText || element.getClientRects().length === 0 || element.closest('.visually-hidden, .skip') !== null)
      continue
    const [one, other] = [light(getComputedStyle(element).color), light(behind(element))]
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
    if (contrast < 4.5)
      flaws.push(`${element.localName} «${element.textContent?.trim()}» has contrast ${contrast.toFixed(1)}`)
  }
  return flaws
}
