/** Calls back. What that throws is the mistake of whoever is told: it must not break who tells, and is thrown elsewhere. */
export function tell(callback: () => void): void {
  try {
    callback()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
