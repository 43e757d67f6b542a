import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const long = process.env['LONG'] === '1'

// Tests run on the sources, not on what was built from them: so that neither a test nor a mutant needs a build.
// The paths are taken from where this file stands, so that a copy of the repository tests the copy.
export default defineConfig({
  resolve: {
    alias: [
      { find: /^#freeze$/, replacement: at('packages/core/src/freeze.development.ts') },
      { find: /^@fanlight\/core\/(conformance|testing)$/, replacement: at('packages/core/src/$1/index.ts') },
      {
        find: /^@fanlight\/store-json\/testing$/,
        replacement: at('packages/store-json/src/testing/memory-file-system.ts'),
      },
      { find: /^@fanlight\/protocol\/testing$/, replacement: at('packages/protocol/src/testing/index.ts') },
      { find: /^#socket$/, replacement: at('packages/client-browser/src/socket.node.ts') },
      { find: /^@fanlight\/core\/kit$/, replacement: at('packages/core/src/kit.ts') },
      { find: /^@fanlight\/test\/support$/, replacement: at('test/src/support/index.ts') },
      {
        find: /^@fanlight\/(core|router|store-[a-z]+|views|protocol|server|client-browser)$/,
        replacement: at('packages/$1/src/index.ts'),
      },
      { find: /^fanlight$/, replacement: at('packages/fanlight/src/index.ts') },
    ],
  },
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: long ? 600_000 : 120_000,
    projects: [
      { extends: true, test: { name: 'packages', include: ['packages/*/src/**/*.test.ts'] } },
      { extends: true, test: { name: 'across', include: ['{test,bench,examples/*}/src/**/*.test.ts'] } },
    ],
  },
})
