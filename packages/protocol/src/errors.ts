import { errorCodes, type ErrorCode, FanlightError, isFanlightError } from '@fanlight/core'
import type { WireError } from './messages.ts'

const facts = ['store', 'source', 'wanted', 'reached', 'horizon', 'keys', 'applied'] as const

/** An error, in the form of the wire. What is not Fanlight's own tells nothing of the process it came from. */
export function packError(error: unknown): WireError {
  if (!isFanlightError(error)) return { code: 'UNAVAILABLE', message: 'the server failed: its onError is told why' }
  const packed: Record<string, unknown> = { code: error.code, message: error.message }
  for (const fact of facts) if (error[fact] !== undefined) packed[fact] = error[fact]
  return packed as unknown as WireError
}

/** The error that the other end met. */
export function unpackError({ code, message, ...rest }: WireError): FanlightError {
  const known = errorCodes.includes(code) ? code : ('UNAVAILABLE' satisfies ErrorCode)
  return new FanlightError(known, message, rest)
}

/** The error for a frame that cannot be read. */
export function badFrame(what: string, cause?: unknown): FanlightError {
  return new FanlightError('BAD_FRAME', `a frame cannot be read: ${what}`, { cause })
}
