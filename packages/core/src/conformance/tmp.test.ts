import { storeConformance } from './index.ts'
import { createVariable } from '../variable.ts'
storeConformance('variable', { create: ({ clock, random }) => createVariable<unknown>(1, { clock, random }) })
