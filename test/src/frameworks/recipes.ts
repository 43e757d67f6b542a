import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Plugin, build, transformWithOxc } from 'vite'
import solid from 'vite-plugin-solid'
import { root } from '../docs/repository.ts'

/** The frameworks of docs/frameworks.md, by their headings. */
export const frameworks = ['React', 'Vue', 'Svelte', 'Solid'] as const

/** One of them. */
export type Framework = (typeof frameworks)[number]

/** The files of a recipe, by their names. */
export type Files = ReadonlyMap<string, string>

const fence = /^```\w+\n(?:\/\/|<!--) ([\w.-]+\.(?:ts|tsx|vue|svelte))(?: -->)?\n(.*?)^```$/gms

/** The files of the recipe under a heading: each block of code begins with the name of its file. */
export function filesOf(text: string, framework: Framework): Files {
  const section = text.split(/^## /m).find((one) => one.startsWith(`${framework}\n`)) ?? ''
  return new Map([...section.matchAll(fence)].map(([, name = '', code = '']) => [name, code]))
}

/** What makes a page of it: the test finds it as `recipe`. */
const page = `
import { connect } from '@fanlight/client-browser'
const store = await connect(new URL('/live', location.href.replace(/^http/, 'ws')).href)
const { set, unmount } = mount(document.querySelector('main'), { store, team: 'red' })
globalThis.recipe = { ask: (team) => set({ store, team }), unmount }
`

/** The code of single file components, by the compilers that come with the frameworks: their plugins do much that nobody needs here. */
function components(server: boolean): Plugin {
  return {
    name: 'components',
    async transform(code, id) {
      if (id.endsWith('.vue')) {
        const { parse, compileScript } = await import('vue/compiler-sfc')
        const { descriptor, errors } = parse(code, { filename: id })
        if (errors[0] !== undefined) throw errors[0]
        const { content } = compileScript(descriptor, { id, inlineTemplate: true, templateOptions: { ssr: server } })
        return transformWithOxc(content, id, { lang: 'ts' })
      }
      if (id.endsWith('.svelte')) {
        const { compile } = await import('svelte/compiler')
        const { js, warnings } = compile(code, { filename: id, generate: server ? 'server' : 'client' })
        if (warnings[0] !== undefined) throw new Error(warnings[0].message)
        return { code: js.code, map: null }
      }
      return undefined
    },
  }
}

/** Where recipes are written and bundled: a folder in the workspace, so that they find the packages as any code there does. */
export class Kitchen {
  readonly #folder: string

  constructor() {
    const parent = join(root, 'test', '.docs')
    mkdirSync(parent, { recursive: true })
    this.#folder = mkdtempSync(join(parent, `recipes-${process.pid}-`))
  }

  /** Where the files of a recipe are. */
  folderOf(framework: Framework): string {
    return join(this.#folder, framework)
  }

  /** Writes the files of a recipe. */
  write(framework: Framework, files: Files): void {
    mkdirSync(this.folderOf(framework))
    for (const [name, code] of files) writeFileSync(join(this.folderOf(framework), name), code)
  }

  /**
   * Bundles a recipe: as it is for a page, to a module that exports `mount`; for a server, to one that exports `render`; or
   * to a whole page, which connects to `/live`. In the first two the core stays outside, so that it is the one of the test:
   * the component is given a store of it.
   *
   * @returns the path of the file
   */
  async bundle(framework: Framework, target: 'mount' | 'render' | 'page'): Promise<string> {
    const folder = this.folderOf(framework)
    const server = target === 'render'
    const extension = { React: 'tsx', Vue: 'vue', Svelte: 'svelte', Solid: 'tsx' }[framework]
    const component = framework === 'Vue' || framework === 'Svelte' ? 'People' : '{ People }'
    const mounts = fileURLToPath(new URL('mounts', import.meta.url))
    const [made, how] = server ? ['render', `${framework.toLowerCase()}.server`] : ['mount', framework.toLowerCase()]
    const entry = join(folder, `${target}-entry.ts`)
    writeFileSync(
      entry,
      `import ${component} from './people.${extension}'\n` +
        `import { ${made}Of } from ${JSON.stringify(join(mounts, `${how}.ts`))}\n` +
        `export const ${made} = ${made}Of(People)\n` +
        (target === 'page' ? page : ''),
    )
    const outDir = join(folder, target)
    const external = target === 'page' ? [] : ['@fanlight/core', 'rxjs']
    await build({
      configFile: false,
      root: folder,
      logLevel: 'error',
      mode: 'development',
      define: {
        'process.env.NODE_ENV': '"development"',
        __VUE_OPTIONS_API__: 'false',
        __VUE_PROD_DEVTOOLS__: 'false',
        __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
      },
      plugins: [components(server), ...(framework === 'Solid' ? [solid({ ssr: server, hot: false })] : [])],
      build: {
        outDir,
        minify: false,
        ...(server ? { ssr: entry } : { lib: { entry, formats: ['es'], fileName: 'entry' } }),
        rolldownOptions: { external, output: { entryFileNames: 'entry.js' } },
      },
    })
    return join(outDir, 'entry.js')
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
