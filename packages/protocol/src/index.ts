/**
 * The frames in which stores talk over a wire: docs/protocol.md specifies them.
 *
 * @module
 */
export { type Channel, type ChannelListener, CloseCode } from './channel.ts'
export { encode } from './codec.ts'
export { badFrame, packError, unpackError } from './errors.ts'
export { encodeAround, frameOf, readClientFrame, readServerFrame } from './frame.ts'
export * from './messages.ts'
