import { connect } from '@fanlight/client-browser'
import { type FetchOptions, type Range, prefix } from 'fanlight'
import type { App } from '../atlas.ts'
import { options, shownOptions, url } from './plug.ts'

// #region
/** The router in the other process, and for Promise.all each store on a connection of its own. */
export const [app, cities, index] = await Promise.all([
  connect<App>(url, shownOptions),
  connect<App>(url, options),
  connect<App>(url, options),
])
export const largest = (country: string): Range => ({ ...prefix(`by-country/${country}/`), limit: 20 })
const keys = (ids: readonly string[]): string[] => ids.map((id) => `cities/${id}`)

/** Asks both stores, as one does without a router. */
export const askBoth = (country: string, ids: readonly string[]) =>
  Promise.all([index.fetch(largest(country)), cities.fetch(keys(ids))])
/** Asks the router: one query, one moment. */
export const askFanlight = (country: string, ids: readonly string[], how: FetchOptions) =>
  app.fetch([largest(country), ...keys(ids)], how)
// #endregion
