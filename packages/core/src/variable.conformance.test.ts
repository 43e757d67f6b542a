import { storeConformance } from './conformance/index.ts'
import { createVariable } from './variable.ts'

storeConformance('a variable', {
  create: ({ clock, random, history }) => createVariable<unknown>(undefined, { clock, random, history }),
})

storeConformance('a variable that its owner sets', {
  create: ({ clock, random, history }) => createVariable<unknown>(0, { clock, random, history }),
  write: async (variable, changes) => {
    const [change] = changes
    return variable.set(change?.gone === true ? undefined : change?.value)
  },
})
