/**
 * A digest of 64 bits that is the same in every process. It tells tables of mounts apart; it guards no secret.
 *
 * @param text what it stands for
 * @param seed another seed gives another digest
 */
export function digest(text: string, seed: number = 0): Digest {
  let high = 0xdeadbeef ^ seed
  let low = 0x41c6ce57 ^ seed
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    high = Math.imul(high ^ unit, 2654435761)
    low = Math.imul(low ^ unit, 1597334677)
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
  return { hex: hex(low) + hex(high), low: low >>> 0 }
}

/** A digest, as text and as a number. */
export interface Digest {
  /** 16 digits. */
  readonly hex: string
  /** 32 bits of it. */
  readonly low: number
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0')
}
