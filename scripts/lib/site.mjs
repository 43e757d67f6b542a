import { runNode } from './run.mjs'

/** Builds the page of examples/atlas into its dist/site, and returns the exit code. */
export const buildSite = () =>
  runNode([
    'node_modules/vite/bin/vite.js',
    'build',
    'examples/atlas',
    '--outDir',
    'dist/site',
    '--emptyOutDir',
    '--logLevel',
    'warn',
  ])
