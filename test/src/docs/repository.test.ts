import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { documents, filesUnder, readText, root } from './repository.ts'

const packages = readdirSync(join(root, 'packages')).sort()

/** The first cells of the rows of the table that has this heading. */
function firstCells(text: string, heading: string): string[] {
  const lines = text.split('\n')
  const rows = lines.slice(lines.findIndex((line) => line.startsWith(heading)) + 2)
  const end = rows.findIndex((line) => !line.startsWith('|'))
  return rows.slice(0, end).flatMap((row) => /^\| ([^|]*) \|/.exec(row)?.[1]?.trim() ?? [])
}

/** What links of a document lead to, but those to other places and to headings. */
function linksOf(text: string): string[] {
  return [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link))
}

describe('README.md', () => {
  const readme = readText('README.md')

  it('maps exactly the packages that there are', () => {
    const named = firstCells(readme, '| package |').flatMap(
      (cell) => /`(?:@fanlight\/)?([a-z-]+)`/.exec(cell)?.[1] ?? [],
    )
    expect(named.sort()).toEqual(packages)
  })

  it('has at most 200 lines', () => {
    expect(readme.split('\n').length).toBeLessThanOrEqual(201)
  })

  it('names only commands that package.json has', () => {
    const { scripts } = JSON.parse(readText('package.json')) as { readonly scripts: Readonly<Record<string, string>> }
    const named = [...readme.matchAll(/npm (?:run )?([a-z:]+)/g)]
      .map(([, name = '']) => name)
      .filter((name) => name !== 'install')
    for (const name of named) expect(Object.keys(scripts)).toContain(name)
  })
})

const withLinks = [...documents(), 'CONTRIBUTING.md']

it.each(withLinks)('every link of %s leads to a file', (path) => {
  const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : ''
  const all = filesUnder('')
  const lost = linksOf(readText(path)).filter((link) => {
    const target = new URL(folder + link, 'file:///').pathname.slice(1).replace(/\/$/, '')
    return !all.some((file) => file === target || file.startsWith(`${target}/`))
  })
  expect(lost).toEqual([])
})

it('every file that ARCHITECTURE.md and CONTRIBUTING.md name is there', () => {
  const all = filesUnder('')
  const named = ['ARCHITECTURE.md', 'CONTRIBUTING.md'].flatMap((path) =>
    [...readText(path).matchAll(/`(?:\.\/)?([a-z0-9./-]+\.(?:ts|md|mjs))`/g)].map(([, name = '']) => name),
  )
  const templates = new Set(['x.test.ts', 'x.property.test.ts', 'x.test-d.ts'])
  const lost = named.filter(
    (name) => !templates.has(name) && !all.some((file) => file === name || file.endsWith(`/${name}`)),
  )
  expect(lost).toEqual([])
})

it('no file names a place that only one machine has', () => {
  // Put together here, so that this file does not name them either.
  const places = [
    ['/wo', 'rk/'],
    ['.lib', 'rary'],
    ['far', 'm-'],
  ].map((parts) => parts.join(''))
  const texts = filesUnder('').filter((path) => /\.(ts|mjs|js|json|md|yml|yaml|patch|sh|c)$|^\.|\/run$/.test(path))
  const found = texts.flatMap((path) => {
    const text = readText(path)
    return places.filter((place) => text.includes(place)).map((place) => `${path}: ${place}`)
  })
  expect(found).toEqual([])
})

it('the lock file names one registry, the public one', () => {
  const hosts = [...readText('package-lock.json').matchAll(/"resolved": "https?:\/\/([^/"]+)/g)].map(([, host]) => host)
  expect([...new Set(hosts)].filter((host) => host !== 'registry.npmjs.org')).toEqual([])
})
