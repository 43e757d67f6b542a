import type { Spans } from '../ranges.ts'
import type { Update, Versions } from '../store.ts'
import type { StoreFeed } from './feed.ts'

/** One query that feeds of a store follow. Feeds of equal queries share it, and with it each update. */
export class Followed {
  readonly spans: Spans
  readonly signature: string
  /** Whether the commit under way has touched it already. */
  touched = false
  /** How many commits have touched it: a feed that has noticed fewer has something to take. */
  touches = 0
  /** The point before the last of these commits. */
  before: Versions = {}
  /** The point at the last of these commits: what is true there is true until the next. */
  after: Versions = {}
  /** Its feeds. One that leaves while they are told leaves the array that is walked as it is. */
  feeds: StoreFeed[] = []
  /** The last update made, of generation 0, for whoever else takes the same step. */
  update: Update | undefined
  since: Versions | undefined
  until: Versions | undefined

  constructor(spans: Spans, signature: string) {
    this.spans = spans
    this.signature = signature
  }

  add(feed: StoreFeed): void {
    this.feeds.push(feed)
  }

  remove(feed: StoreFeed): void {
    const at = this.feeds.indexOf(feed)
    if (at < 0) return
    // Order among feeds means nothing, so the last one takes the place of the one that leaves.
    const feeds = [...this.feeds]
    const last = feeds.pop()
    if (last !== undefined && last !== feed) feeds[at] = last
    this.feeds = feeds
  }
}

/** Equal queries have equal signatures. */
export function signatureOf(spans: Spans): string {
  return (spans.signature ??= write(spans))
}

function write(spans: Spans): string {
  let text = spans.reverse ? '<' : '>'
  for (const { lo, hi, limit, reverse } of spans.list) {
    text += `${lo.length}:${lo}${hi === undefined ? '~' : `${hi.length}:${hi}`}${limit}${reverse ? '<' : '>'}`
  }
  return text
}
