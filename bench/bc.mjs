import { createMemoryStore } from '../packages/core/dist/index.js'
let seen = 0
const keys = Array.from({ length: 100 }, (_, i) => 'key' + String(i).padStart(8, '0'))
function follow(s, gte, lt) { const f = s.watch({ gte, lt }); f.take(); f.wake(() => { const u = f.take(); if (u) seen += u.changes.length }) }
const b = createMemoryStore(); for (let i = 0; i < 1000; i++) follow(b, keys[0], keys[99])
let a = 0
for (let r = 0; r < 6; r++) {
  const t0 = performance.now()
  for (let i = 0; i < 5000; i++) { a = (a + 7919) % 99; await b.commit([{ key: keys[a], value: i }]) }
  console.log(5e6 / (performance.now() - t0) | 0, 'k/s')
}
