import type { Store } from '@fanlight/core'

/** What each component of docs/frameworks.md is given. */
export interface Props {
  readonly store: Store<{ 'people/': { name: string } }>
  readonly team: string
}

/** A component on a page. */
export interface Mounted {
  set(props: Props): void
  unmount(): unknown
}

/** Puts a component on a page. */
export type Mount = (target: Element, props: Props) => Mounted

/** What a bundle of a recipe exports: one for a page, and one for a server, which gives HTML. */
export interface Recipe {
  readonly mount: Mount
  readonly render: (props: Props) => string | Promise<string>
}
