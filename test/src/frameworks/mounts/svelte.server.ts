import type { Component } from 'svelte'
import { render } from 'svelte/server'
import type { Props, Recipe } from './mount.ts'

export const renderOf =
  (component: Component<Props & Record<string, unknown>>): Recipe['render'] =>
  async (props) =>
    (await render(component, { props: { ...props } })).body
