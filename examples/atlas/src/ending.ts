/** A signal that comes again so soon is the same one: it goes to a whole group, and is handed on as well. */
const sameMs = 500

/**
 * Ends the atlas when it is asked to: by a signal, or because nobody reads any more what it writes. Who asks again, since
 * it takes too long, ends it at once.
 */
export function whenAsked(ending: AbortController): void {
  let askedAt: number | undefined
  const asked = (_: NodeJS.Signals, number: number): void => {
    const now = Date.now()
    if (askedAt !== undefined && now - askedAt > sameMs) process.exit(128 + number)
    askedAt ??= now
    ending.abort()
  }
  process.on('SIGINT', asked).on('SIGTERM', asked)
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => ending.abort(error.code === 'EPIPE' ? undefined : error))
  }
}

/** Whether it ends because something failed, not because somebody asked for it. */
export function isMishap({ aborted, reason }: AbortSignal): boolean {
  return aborted && !(reason instanceof DOMException)
}
