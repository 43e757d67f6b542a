export { long } from './long.ts'
export { notRun } from './not-run.ts'
