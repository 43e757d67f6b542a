import { createMergeableStore } from 'tinybase/mergeable-store'
import { createWsSynchronizer } from 'tinybase/synchronizers/synchronizer-ws-client'
import type { Run } from './page.ts'

export const run: Run = async (url, id, text, show) => {
  const store = createMergeableStore()
  store.addTableListener('todo', () => show(Object.values(store.getTable('todo')).map((row) => row['text'] as string)))
  const synchronizer = await createWsSynchronizer(store, new WebSocket(url))
  await synchronizer.startSync()
  store.setRow('todo', id, { text })
}
