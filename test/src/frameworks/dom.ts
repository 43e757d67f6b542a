import { Window } from 'happy-dom'

/**
 * Gives this process a document, and what else a page has and Node has not. What Node has stays: a connection to a server is
 * that of Node.
 */
export function addDom(): void {
  const window = new Window({ url: 'http://localhost/' })
  const names = new Set(['window', 'document', ...Object.getOwnPropertyNames(window)])
  for (const name of names) {
    if (name in globalThis) continue
    Object.defineProperty(globalThis, name, { value: Reflect.get(window, name), configurable: true, writable: true })
  }
}
