import { writeFileSync } from 'node:fs'

const noReason = 'no reason given'

/** Why a test was left out: the note of `context.skip(note)`, or what its name says (test/src/support/not-run.ts). */
function reasonOf(test) {
  if (test.options.mode === 'todo') return 'still to be written'
  return test.result().note ?? /\[not run: (.+?)\]/.exec(test.fullName)?.[1] ?? noReason
}

/** A vitest reporter that writes a tally of the run, as JSON, to the file that FANLIGHT_TALLY names. */
export default class TallyReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const tally = { passed: 0, failed: 0, brokenFiles: [], unhandledErrors: unhandledErrors.length, notRun: {} }
    for (const file of modules) {
      let failedHere = 0
      for (const test of file.children.allTests()) {
        const { state } = test.result()
        if (state === 'passed') tally.passed++
        else if (state === 'failed') failedHere++
        else tally.notRun[reasonOf(test)] = (tally.notRun[reasonOf(test)] ?? 0) + 1
      }
      tally.failed += failedHere
      if (failedHere === 0 && !file.ok()) tally.brokenFiles.push(file.relativeModuleId)
    }
    writeFileSync(process.env['FANLIGHT_TALLY'], JSON.stringify(tally))
  }
}
