/** What a page of the size row does: follows the todos that a server has, shows them whenever they change, and adds one. */
export type Run = (url: string, id: string, text: string, show: (todos: readonly string[]) => void) => Promise<void>
