import { type Component, createComponent } from 'solid-js'
import { renderToString } from 'solid-js/web'
import type { Props, Recipe } from './mount.ts'

export const renderOf =
  (component: Component<Props>): Recipe['render'] =>
  (props) =>
    renderToString(() => createComponent(component, props))
