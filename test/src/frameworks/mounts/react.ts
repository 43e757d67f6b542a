import { type ComponentType, StrictMode, createElement } from 'react'
import { flushSync } from 'react-dom'
import { createRoot } from 'react-dom/client'
import type { Mount, Props } from './mount.ts'

/** In strict mode, which opens and closes everything once more. */
export const mountOf =
  (component: ComponentType<Props>): Mount =>
  (target, first) => {
    const root = createRoot(target)
    const set = (props: Props): void =>
      flushSync(() => root.render(createElement(StrictMode, null, createElement(component, props))))
    set(first)
    return { set, unmount: () => root.unmount() }
  }
