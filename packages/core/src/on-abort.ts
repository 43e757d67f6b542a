/** Who is to be told when a signal aborts. */
const heard = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Tells when a signal aborts, through one listener for each signal, whoever many wait on it: a signal that lives as long as
 * an application would gather thousands, and the platform warns from the eleventh on.
 *
 * @param signal one that has not aborted yet
 * @returns ends it
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  let callbacks = heard.get(signal)
  if (callbacks === undefined) {
    const mine = new Set<() => void>()
    heard.set(signal, (callbacks = mine))
    const abort = (): void => {
      heard.delete(signal)
      for (const each of mine) each()
    }
    signal.addEventListener('abort', abort, { once: true })
  }
  const set = callbacks
  set.add(callback)
  return () => set.delete(callback)
}
