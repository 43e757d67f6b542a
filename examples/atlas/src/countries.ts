import { access, mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'

/** A country, as the JSON file holds it under its two letters. */
export interface Country {
  readonly name: string
  readonly capital: string
  readonly region: string
  readonly flag: string
}

/** What the package world-countries holds of one (ODbL). */
interface WorldCountry {
  readonly cca2: string
  readonly name: { readonly common: string }
  readonly capital: readonly string[]
  readonly region: string
  readonly flag: string
}

/** Writes the file that a person may edit, unless it is there. */
export async function writeCountries(path: string): Promise<void> {
  const there = await access(path).then(
    () => true,
    () => false,
  )
  if (there) return
  const all = createRequire(import.meta.url)('world-countries') as readonly WorldCountry[]
  const countries = all
    .map(({ cca2, name, capital, region, flag }): [string, Country] => [
      cca2,
      { name: name.common, capital: capital[0] ?? '', region, flag },
    ])
    .sort(([a], [b]) => (a < b ? -1 : 1))
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `${JSON.stringify(Object.fromEntries(countries), undefined, 2)}\n`, { flag: 'wx' })
}
