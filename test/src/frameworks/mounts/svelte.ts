import { type Component, flushSync, mount, unmount } from 'svelte'
import { fromStore, writable } from 'svelte/store'
import type { Mount, Props } from './mount.ts'

export const mountOf =
  (component: Component<Props & Record<string, unknown>>): Mount =>
  (target, first) => {
    const props = writable(first)
    const now = fromStore(props)
    const given = {
      get store(): Props['store'] {
        return now.current.store
      },
      get team(): string {
        return now.current.team
      },
    }
    const mounted = mount(component, { target, props: given })
    flushSync()
    return { set: (next) => props.set(next), unmount: () => unmount(mounted) }
  }
