import { type Component, createSSRApp } from 'vue'
import { renderToString } from 'vue/server-renderer'
import type { Props, Recipe } from './mount.ts'

export const renderOf =
  (component: Component<Props>): Recipe['render'] =>
  (props) =>
    renderToString(createSSRApp(component, { ...props }))
