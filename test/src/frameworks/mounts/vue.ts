import { type Component, createApp, h, shallowRef } from 'vue'
import type { Mount, Props } from './mount.ts'

export const mountOf =
  (component: Component<Props>): Mount =>
  (target, first) => {
    const props = shallowRef(first)
    const app = createApp({ render: () => h(component, props.value) })
    app.mount(target)
    return { set: (next) => (props.value = next), unmount: () => app.unmount() }
  }
