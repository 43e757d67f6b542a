import { WebSocket } from 'ws'
import { channelOf, type Dial } from './dial.ts'

/** Dials with the package `ws`: Node 20 has no websocket of its own. */
export const dial: Dial = (url) => channelOf(new WebSocket(url, { perMessageDeflate: false }), 'nodebuffer')
