import { createMemoryStore } from '@fanlight/core'
import { describe, expect, test } from 'vitest'
import { type Mountable, readMount } from './mount.ts'
import { type MountChanges, MountTable } from './mount-table.ts'

const users = createMemoryStore({ name: 'users' })
const teams = createMemoryStore({ name: 'teams' })

function tableOf(mounts: Record<string, Mountable>, former = 100): MountTable {
  return new MountTable(
    'mounts',
    Object.entries(mounts).map(([prefix, store]) => readMount(prefix, store, 0)),
    former,
  )
}

function change(table: MountTable, changes: MountChanges): number {
  table.enter(table.changed(changes), () => undefined)
  return table.current.version
}

describe('the table of mounts as a source', () => {
  test('its incarnation is that of equal mounts in another process, in any order, with stores of equal names', () => {
    const one = tableOf({ 'a/': users, 'b/': teams })
    const same = tableOf({ 'b/': createMemoryStore({ name: 'teams' }), 'a/': createMemoryStore({ name: 'users' }) })
    expect(same.source).toBe(one.source)
    expect(one.source).toMatch(/^mounts@[0-9a-f]{16}$/)
    expect(tableOf({ 'a/': teams, 'b/': users }).source).not.toBe(one.source)
    expect(tableOf({ 'a/': users }).source).not.toBe(one.source)
  })

  test('it begins at version 0, and grows with each change', () => {
    const table = tableOf({})
    expect([table.current.version, table.oldest]).toEqual([0, 0])
    const first = change(table, { 'a/': users })
    const second = change(table, { 'a/': undefined })
    expect(first).toBeGreaterThan(0)
    expect(second).toBeGreaterThan(first)
  })

  test('equal changes give equal versions, other changes others', () => {
    const [one, same, other] = [tableOf({}), tableOf({}), tableOf({})]
    expect(change(one, { 'a/': users })).toBe(change(same, { 'a/': users }))
    expect(change(other, { 'a/': teams })).not.toBe(one.current.version)
    expect(change(one, { 'b/': teams })).toBe(change(same, { 'b/': teams }))
    expect(change(other, { 'b/': teams })).not.toBe(one.current.version)
  })

  test('former tables are known by their versions, as many as are kept', () => {
    const table = tableOf({}, 2)
    const versions = ['a/', 'b/', 'c/', 'd/'].map((prefix) => change(table, { [prefix]: users }))
    expect(table.oldest).toBe(versions[1])
    expect(versions.map((version) => table.at(version)?.mounts.length)).toEqual([undefined, 2, 3, 4])
    expect(table.at((versions[2] ?? 0) + 1)).toBeUndefined()
  })

  test('a change whose check throws changes nothing', () => {
    const table = tableOf({ 'a/': users })
    const { current } = table
    expect(() =>
      table.enter(table.changed({ 'b/': users }), () => {
        throw new Error('no')
      }),
    ).toThrow('no')
    expect(table.current).toBe(current)
    expect(table.oldest).toBe(0)
  })
})
