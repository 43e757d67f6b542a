import { type Component, createComponent, createSignal } from 'solid-js'
import { render } from 'solid-js/web'
import type { Mount, Props } from './mount.ts'

export const mountOf =
  (component: Component<Props>): Mount =>
  (target, first) => {
    const [props, set] = createSignal(first)
    const given = {
      get store(): Props['store'] {
        return props().store
      },
      get team(): string {
        return props().team
      },
    }
    const unmount = render(() => createComponent(component, given), target)
    return { set: (next) => void set(() => next), unmount }
  }
