import { type ComponentType, createElement } from 'react'
import { renderToString } from 'react-dom/server'
import type { Props, Recipe } from './mount.ts'

export const renderOf =
  (component: ComponentType<Props>): Recipe['render'] =>
  (props) =>
    renderToString(createElement(component, props))
