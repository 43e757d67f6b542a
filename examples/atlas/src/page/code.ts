// oxlint-disable-next-line import/default -- vite makes the file a text
import source from './ask.ts?raw'
import { byId, make } from './dom.ts'

const tokens = /(?<quiet>\/\*\*.*?\*\/)|(?<text>'[^']*'|`[^`]*`)|(?<word>\b(?:export|const|await|string|readonly)\b)/g

/** Shows the code that this page runs: the region of ask.ts. */
export function showCode(): void {
  const code = /\/\/ #region\n(.*)\/\/ #endregion/s.exec(source)?.[1]?.trimEnd() ?? source
  const parts: (string | HTMLElement)[] = []
  let end = 0
  for (const match of code.matchAll(tokens)) {
    const [kind = ''] = Object.entries(match.groups ?? {}).find(([, found]) => found !== undefined) ?? []
    parts.push(code.slice(end, match.index), make('span', `code-${kind}`, match[0]))
    end = match.index + match[0].length
  }
  byId('code').replaceChildren(...parts, code.slice(end))
}
