/**
 * The page: shows the list as it is, and whether it is connected; adds and removes by commits.
 *
 * @module
 */
import { connect, type ConnectionState } from '@fanlight/client-browser'
import { del, live, prefix, put } from '@fanlight/core'
import type { store } from '../server.ts'

const byId = (id: string): HTMLElement => document.getElementById(id) as HTMLElement
const form = byId('add') as HTMLFormElement
const text = byId('text') as HTMLInputElement
const list = byId('list')

const url = new URL('/live', location.href.replace(/^http/, 'ws')).href
const remote = await connect<typeof store>(url, {
  timeoutMs: Infinity,
  retryMsMax: 2_000,
  onConnection: showConnection,
})

form.addEventListener('submit', (event) => {
  event.preventDefault()
  byId('wrong').textContent = ''
  // In the order in which items were added; who adds at the same time has another key.
  const key = `items/${Date.now()}-${Math.random().toString(36).slice(2)}` as const
  // Without a connection it is committed once there is one again.
  remote.commit([put(key, text.value)]).catch(showWrong)
  form.reset()
})

/** What is shown, by key: an element stays as long as its item, and so does the focus in it. */
const shown = new Map<string, HTMLElement>()

try {
  for await (const entries of live(remote, prefix('items/'))) {
    const keys = new Set(entries.map(({ key }) => key))
    for (const key of shown.keys()) if (!keys.has(key)) remove(key)
    let next = list.firstElementChild
    for (const { key, value } of entries) {
      const item = shown.get(key) ?? make(key)
      show(item, value)
      if (item === next) next = next.nextElementSibling
      else list.insertBefore(item, next)
    }
  }
} catch (error) {
  showWrong(error)
}

function make(key: string): HTMLElement {
  const item = document.createElement('li')
  const button = document.createElement('button')
  button.type = 'button'
  button.textContent = 'Remove'
  button.addEventListener('click', () => void remote.commit([del(key)]).catch(showWrong))
  item.append(document.createElement('span'), button)
  shown.set(key, item)
  return item
}

function show({ firstElementChild, lastElementChild }: HTMLElement, value: string): void {
  if (firstElementChild?.textContent === value) return
  firstElementChild?.replaceChildren(value)
  lastElementChild?.setAttribute('aria-label', `Remove ${value}`)
}

/** Whoever was at the item goes on at the one beside it. */
function remove(key: string): void {
  const item = shown.get(key)
  const beside = item?.nextElementSibling ?? item?.previousElementSibling
  if (item?.contains(document.activeElement) === true) (beside?.querySelector('button') ?? text).focus()
  item?.remove()
  shown.delete(key)
}

function showConnection({ status, why }: ConnectionState): void {
  const state = status === 'open' ? 'live' : why === undefined ? 'connecting' : 'no connection, trying again'
  const element = byId('connection')
  // Set only where it differs, since it is read aloud.
  if (element.textContent !== state) element.textContent = state
  element.dataset['status'] = status
}

function showWrong(error: unknown): void {
  byId('wrong').textContent = error instanceof Error ? error.message : String(error)
}
