import { createMemoryStore, type Store, type MemoryStore } from '@fanlight/core'
import { openLevelStore } from '@fanlight/store-level'
interface City { a: number }
export function f(s: Store<{ '': City | number }>): void { void s }
export const m: MemoryStore<{ '': City | number }> = createMemoryStore<{ '': City | number }>()
f(m)
f(await openLevelStore<{ '': City | number }>('x'))
export const g: Store = m
