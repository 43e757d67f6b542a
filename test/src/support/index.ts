export { type Combine, JoinStore, pairUp } from './join-store.ts'
export { long } from './long.ts'
export { notRun } from './not-run.ts'
