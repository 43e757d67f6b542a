import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { createMemoryStore } from '@fanlight/core'
import { serve } from '@fanlight/server'
import { build } from 'esbuild'
import { createWsServer } from 'tinybase/synchronizers/synchronizer-ws-server'
import { WebSocket } from 'ws'
import type { Row, Side } from '../row.ts'
import type { Run } from '../size/page.ts'
import { listening } from '../wire/servers.ts'

/** A page, and what must and must not be in it. */
interface PageOf {
  readonly file: string
  readonly has: readonly string[]
  /** Serves what it follows. */
  serve(): Promise<{ readonly url: string }>
}

const fanlight: PageOf = {
  file: 'fanlight-page.js',
  has: ['rxjs', 'msgpackr'],
  serve: () => serve(createMemoryStore()),
}

const tinybase: PageOf = {
  file: 'tinybase-page.js',
  has: ['tinybase'],
  async serve() {
    const { server, url } = await listening()
    createWsServer(server as never)
    return { url }
  },
}

/** Bytes of the page as a browser gets it. */
async function bytesOf(page: PageOf): Promise<Side> {
  const works = await runs(page, (await bundle(page)).text)
  if (!works) throw new Error(`${page.file} does not show what two of it add`)
  return { measure: async () => gzipSync((await bundle(page)).contents, { level: 9 }).length }
}

async function bundle({ file, has }: PageOf): Promise<{ readonly contents: Uint8Array; readonly text: string }> {
  const { outputFiles, metafile } = await build({
    entryPoints: [fileURLToPath(new URL(`../size/${file}`, import.meta.url))],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    metafile: true,
    write: false,
  })
  const inputs = Object.keys(metafile.inputs)
  const hasPackage = (name: string): boolean => inputs.some((path) => path.includes(`node_modules/${name}/`))
  if (!has.every(hasPackage)) throw new Error(`${file} lacks one of ${has.join(', ')}`)
  if (hasPackage('ws')) throw new Error(`${file} has ws in it`)
  const [output] = outputFiles
  if (output === undefined) throw new Error(`${file} came to nothing`)
  return output
}

/** Runs the page twice: each must show what both add. */
async function runs(page: PageOf, text: string): Promise<boolean> {
  const { url } = await page.serve()
  Object.assign(globalThis, { WebSocket })
  const { run } = (await import(`data:text/javascript,${encodeURIComponent(text)}`)) as { readonly run: Run }
  const shown: (readonly string[])[] = [[], []]
  await run(url, '1', 'first', (todos) => (shown[0] = todos))
  await run(url, '2', 'second', (todos) => (shown[1] = todos))
  for (let i = 0; i < 100; i++) {
    if (shown.every((todos) => todos.toSorted().join() === 'first,second')) return true
    await sleep(50)
  }
  return false
}

export const sizeRows: readonly Row[] = [
  {
    name: 'client-size',
    unit: 'bytes',
    more: false,
    reach: [0.85],
    pairs: [{ against: 'tinybase, mergeable-store', ours: () => bytesOf(fanlight), theirs: () => bytesOf(tinybase) }],
  },
]
