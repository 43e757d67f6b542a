import { connect } from '@fanlight/client-browser'
import { live, prefix, put, type Store } from '@fanlight/core'
import type { Run } from './page.ts'

export const run: Run = async (url, id, text, show) => {
  const remote = await connect<Store<{ 'todo/': string }>>(url)
  live(remote, prefix('todo/')).subscribe((entries) => show(entries.map(({ value }) => value)))
  await remote.commit([put(`todo/${id}`, text)])
}
