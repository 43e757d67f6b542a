import { createMemoryStore } from '../packages/core/dist/index.js'
import { Subject } from 'rxjs'
import sorted from 'sorted-btree'
const BTree = sorted.default
const N = 10000, K = 10
const keys = Array.from({ length: N * K }, (_, i) => 'key' + String(i).padStart(8, '0'))
let seen = 0
function follow(s, gte, lt) { const f = s.watch(lt === undefined ? { gte } : { gte, lt }); f.take(); f.wake(() => { const u = f.take(); if (u) seen += u.changes.length }) }
const s = createMemoryStore(); for (let i = 0; i < N; i++) follow(s, keys[i * K], keys[(i + 1) * K])
const b = createMemoryStore(); for (let i = 0; i < 1000; i++) follow(b, keys[0], keys[100])
const t = new BTree(); const cbs = Array.from({ length: N }, () => (c) => { seen += c.key.length > 0 ? 1 : 0 })
const subj = new Subject(); for (let i = 0; i < 1000; i++) subj.subscribe((u) => (seen += u.changes.length))
let a = 0
for (let r = 0; r < 5; r++) {
  let t0 = performance.now()
  for (let i = 0; i < 5e4; i++) { a = (a + 7919) % keys.length; await s.commit([{ key: keys[a], value: i }]) }
  let t1 = performance.now()
  for (let i = 0; i < 5e4; i++) { a = (a + 7919) % keys.length; t.set(keys[a], i); cbs[(a / K) | 0]({ key: keys[a], value: i }); await Promise.resolve() }
  let t2 = performance.now()
  console.log('fanout', 5e4 / (t1 - t0) | 0, 'k/s  ratio', ((t2 - t1) / (t1 - t0)).toFixed(2))
  t0 = performance.now()
  for (let i = 0; i < 2000; i++) { a = (a + 7919) % 100; await b.commit([{ key: keys[a], value: i }]) }
  t1 = performance.now()
  for (let i = 0; i < 2000; i++) { a = (a + 7919) % 100; subj.next({ changes: [{ key: keys[a], value: i }] }); await Promise.resolve() }
  t2 = performance.now()
  console.log('   broadcast', 2e6 / (t1 - t0) | 0, 'k/s ratio', ((t2 - t1) / (t1 - t0)).toFixed(2))
}
