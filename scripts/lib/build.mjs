import { runNode } from './run.mjs'

/** Builds what changed, and returns the exit code. */
export const build = (projects = []) => runNode(['node_modules/typescript/bin/tsc', '-b', ...projects])
