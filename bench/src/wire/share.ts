import type { Connection, Doc } from 'sharedb/lib/client/index.js'

/** Where the documents are. */
export const collection = 'entries'

/** How many entries share a document. */
const entriesEach = 10

/** One member of a document is set. */
export interface Component {
  readonly p: readonly [key: string]
  readonly oi: unknown
}

/** The document that a key is a member of: `key00000123` is of `key0000012`. */
export function documentOf(key: string): string {
  return key.slice(0, -1)
}

/** Makes the documents for these keys, each member 0. */
export async function createDocuments(
  connection: Connection,
  keys: readonly string[],
): Promise<ReadonlyMap<string, Doc>> {
  const documents = new Map<string, Doc>()
  for (let i = 0; i < keys.length; i += entriesEach) {
    const some = keys.slice(i, i + entriesEach)
    const name = documentOf(some[0] as string)
    const document = connection.get(collection, name)
    await called((done) => document.create(Object.fromEntries(some.map((key) => [key, 0])), done))
    documents.set(name, document)
  }
  return documents
}

/** A promise for what tells a callback. */
export function called(work: (done: (error?: unknown) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    work((error) => (error === undefined || error === null ? resolve() : reject(error)))
  })
}
