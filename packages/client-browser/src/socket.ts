import { channelOf, type Dial } from './dial.ts'

/** Dials with the websocket of the platform. */
export const dial: Dial = (url) => channelOf(new WebSocket(url))
