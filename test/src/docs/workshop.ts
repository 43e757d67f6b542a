import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { formatWithOptions, inspect } from 'node:util'
import type { Block } from './blocks.ts'
import { filesUnder, root } from './repository.ts'

/** How long an example may go on printing after its last line: milliseconds. */
const quietMs = 50

/**
 * Where blocks of code are written, compiled and run: a folder in the workspace, so that they find the packages as any code
 * there does. Each has its own working folder beside it, outside of the repository.
 */
export class Workshop {
  readonly #folder: string
  readonly #away = mkdtempSync(join(tmpdir(), 'fanlight-docs-'))
  readonly #home = process.cwd()

  constructor() {
    const parent = join(root, 'test', '.docs')
    mkdirSync(parent, { recursive: true })
    this.#folder = mkdtempSync(join(parent, `${process.pid}-`))
  }

  /** Writes a block to a file of its own, and returns its path. */
  write({ path, line, code }: Block): string {
    const file = join(this.#folder, `${path.replaceAll(/[^a-zA-Z0-9]+/g, '-')}-${line}.ts`)
    writeFileSync(file, `${code}\nexport {}\n`)
    return file
  }

  /** Compiles all that was written, and returns what the compiler says of it. */
  compile(): Promise<string[]> {
    return compileFolder(this.#folder)
  }

  /** Runs what was written to a file, and returns what it logged. */
  async run(file: string): Promise<Logged[]> {
    const logged: Logged[] = []
    const { log } = console
    console.log = (...args: unknown[]) => void logged.push(loggedOf(args))
    // An example may write to where it stands.
    process.chdir(this.#away)
    try {
      await import(/* @vite-ignore */ pathToFileURL(file).href)
      await new Promise((resolve) => setTimeout(resolve, quietMs))
    } finally {
      process.chdir(this.#home)
      console.log = log
    }
    return logged
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true })
    rmSync(this.#away, { recursive: true, force: true })
  }
}

/**
 * Compiles what stands in a folder of the workspace, and returns what the compiler says of it.
 *
 * @param options more options of the compiler
 */
export async function compileFolder(folder: string, options: object = {}): Promise<string[]> {
  const config = join(folder, 'tsconfig.json')
  writeFileSync(config, JSON.stringify(configuration(relative(folder, root), options)))
  const output = await runNode([join(root, 'node_modules/typescript/bin/tsc'), '--pretty', 'false', '-p', config])
  const own = relative(root, folder)
  // What is wrong in the packages themselves is told by their own build.
  return output.split('\n').filter((line) => line.includes(own) || line.startsWith('error'))
}

/** What was printed at once, as `console.log` prints it and as `util.inspect` shows it; spaces do not count. */
interface Logged {
  readonly shown: string
  readonly alternatives: ReadonlySet<string>
}

function loggedOf(args: readonly unknown[]): Logged {
  const shown = formatWithOptions({ breakLength: Infinity, compact: true, depth: 6 }, ...args)
  const inspected = args.map((arg) => inspect(arg, { breakLength: Infinity, compact: true, depth: 6 })).join(' ')
  return { shown, alternatives: new Set([bare(shown), bare(inspected)]) }
}

/** What was logged, in the words of what was expected where these say the same. */
export function compared(logged: readonly Logged[], expected: readonly string[]): string[] {
  return logged.map(({ shown, alternatives }, i) => {
    const line = expected[i]
    return line !== undefined && alternatives.has(bare(line)) ? line : shown
  })
}

function bare(text: string): string {
  return text.replaceAll(/\s+/g, '')
}

/** The options of the repository, on its sources in place of what is built. */
function configuration(up: string, options: object): unknown {
  const names = filesUnder('packages').flatMap((path) => /^packages\/([^/]+)\/package\.json$/.exec(path)?.[1] ?? [])
  const entries = names.map((name): [string, string[]] => [
    name === 'fanlight' ? name : `@fanlight/${name}`,
    [`${up}/packages/${name}/src/index.ts`],
  ])
  return {
    extends: `${up}/tsconfig.test.json`,
    compilerOptions: {
      ...options,
      incremental: false,
      noEmit: true,
      paths: {
        ...Object.fromEntries(entries),
        '@fanlight/core/kit': [`${up}/packages/core/src/kit.ts`],
        '@fanlight/core/conformance': [`${up}/packages/core/src/conformance/index.ts`],
        '@fanlight/core/testing': [`${up}/packages/core/src/testing/index.ts`],
      },
    },
    include: ['*.ts', '*.tsx'],
    references: [],
  }
}

function runNode(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.on('data', (text: Buffer) => (output += text.toString()))
    child.stderr.on('data', (text: Buffer) => (output += text.toString()))
    child.on('error', reject)
    child.on('close', () => resolve(output))
  })
}
