import { expect } from 'vitest'
import { notRun } from './not-run.ts'

notRun(false, 'never').it('runs a test whose condition is false', () => {
  expect(true).toBe(true)
})
