/** A microtask passes before it is heard of. */
const turn = Promise.resolve()

/** How many microtasks pass before a look whether more has come: so that whoever was just told of something can go on. */
const turnsPerLook = 8

/**
 * Waits for what is asked for in this turn, directly or by those who wait for promises that are settled: until no more
 * comes. No timer and no input or output happens in between.
 *
 * @param size    how much there is
 * @param enough  does not wait beyond this
 */
export async function gathered(size: () => number, enough: number): Promise<void> {
  for (let before = -1; before < size() && size() < enough;) {
    before = size()
    for (let i = 0; i < turnsPerLook; i++) await turn
  }
}
