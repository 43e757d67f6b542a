import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Where a mongod lies that this machine has: the one that MONGOD_BINARY names, or the one on the PATH. */
export function findMongod(env: NodeJS.ProcessEnv): string | undefined {
  const named = env['MONGOD_BINARY'] ?? ''
  // Who names one means that one: where it is not there, starting it says so.
  if (named !== '') return named
  const file = process.platform === 'win32' ? 'mongod.exe' : 'mongod'
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return folders.map((folder) => join(folder, file)).find(isProgram)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
