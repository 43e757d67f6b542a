import { FanlightError } from '../errors.ts'
import type { Change, CommitOptions, Store, Types, Versions, WritableStore } from '../store.ts'
import { WritableWrapper } from '../wrappers/wrapper.ts'
import type { SchemaOutput, StandardIssue, StandardResult, StandardSchema } from './standard-schema.ts'

/** One schema for each prefix of keys; the longest prefix that a key starts with counts. */
export interface Schemas {
  readonly [prefix: string]: StandardSchema
}

/** The types of a store whose values passed these schemas. */
export type Validated<T, S> = S extends StandardSchema
  ? { '': SchemaOutput<S> }
  : { [P in keyof S & string]: SchemaOutput<S[P]> } & Omit<T, keyof S>

class ValidatedStore<T extends Types> extends WritableWrapper<T> {
  readonly #schemas: ReadonlyMap<string, StandardSchema>
  /** The longest first. */
  readonly #prefixes: readonly string[]

  constructor(inner: Store<Types>, schemas: ReadonlyMap<string, StandardSchema>) {
    super(inner, 'validated')
    this.#schemas = schemas
    this.#prefixes = [...schemas.keys()].sort((a, b) => b.length - a.length)
  }

  protected override committed(changes: readonly Change[], options: CommitOptions | undefined): Promise<Versions> {
    if (!Array.isArray(changes)) return this.commitInside(changes, options)
    const checked = (changes as readonly Change[]).map((change) => this.#check(change))
    // Without a wait where no schema waits, so that commits stay in the order in which they were made.
    if (!checked.some((change) => change instanceof Promise)) return this.commitInside(checked as Change[], options)
    return Promise.all(checked.map((change) => Promise.resolve(change))).then((all) => this.commitInside(all, options))
  }

  #check(change: Change): Change | Promise<Change> {
    if (typeof change?.key !== 'string' || change.gone === true) return change
    const schema = this.#schemas.get(this.#prefixes.find((prefix) => change.key.startsWith(prefix)) ?? '')
    return schema === undefined ? change : validate(change, schema)
  }
}

/** The same change with the value that the schema made of it. */
function validate(change: Change, schema: StandardSchema): Change | Promise<Change> {
  const { key } = change
  const passed = (result: StandardResult<unknown>): Change => {
    if (result.issues !== undefined) throw refused(key, describe(key, result.issues), result.issues)
    return { key, value: result.value }
  }
  const failed = (error: unknown): never => {
    if (error instanceof FanlightError) throw error
    throw refused(key, `the schema for ${JSON.stringify(key)} failed: see the cause`, error)
  }
  try {
    const result = schema['~standard'].validate(change.value)
    if (!(result instanceof Promise)) return passed(result)
    const checked = result.then(passed).catch(failed)
    // Another change of the commit may be refused first: then nobody waits for this one.
    checked.catch(() => undefined)
    return checked
  } catch (error) {
    return failed(error)
  }
}

function refused(key: string, message: string, cause: unknown): FanlightError {
  return new FanlightError('BAD_VALUE', message, { keys: [key], cause, applied: 'no' })
}

function describe(key: string, issues: readonly StandardIssue[]): string {
  const texts = issues.slice(0, 3).map(({ message, path = [] }) => {
    const steps = path.map((step) => String(typeof step === 'object' ? step.key : step))
    return steps.length === 0 ? message : `at ${steps.join('.')}: ${message}`
  })
  const rest = issues.length > texts.length ? `, and ${issues.length - texts.length} more` : ''
  return `the value at ${JSON.stringify(key)} does not fit its schema: ${texts.join('; ')}${rest}`
}

/**
 * The same store, whose commits are checked: each value that is put must fit a schema, and what the schema makes of it is
 * what is stored. Any library that implements Standard Schema v1 will do: Zod, Valibot, ArkType and others. What is in the
 * store already, or comes there in another way, is not checked.
 *
 * Closing it ends what was asked through it with CLOSED, and leaves the store open.
 *
 * @param store  what is shown
 * @param schema one schema for all values; or one for each prefix, of which the longest that a key starts with counts, while
 *   keys under no prefix are taken as they are. Schemas may be asynchronous
 * @returns the store; its `commit` also fails with BAD_VALUE, with the issues as `cause` and `applied: 'no'`: then nothing
 *   of the commit is done (L4)
 *
 * @example
 * ```ts
 * import { createMemoryStore, isFanlightError, put, type StandardSchema, validated } from '@fanlight/core'
 *
 * const age: StandardSchema<unknown, number> = {
 *   '~standard': {
 *     version: 1,
 *     vendor: 'example',
 *     validate: (value) => (typeof value === 'number' ? { value } : { issues: [{ message: 'not a number' }] }),
 *   },
 * }
 * const ages = validated(createMemoryStore(), age)
 * const error = await ages.commit([put('ann', 'old' as never)]).catch((e: unknown) => e)
 * console.log(isFanlightError(error, 'BAD_VALUE')) // true
 * ```
 */
export function validated<T extends Types, const S extends StandardSchema | Schemas>(
  store: WritableStore<T>,
  schema: S,
): WritableStore<Validated<T, S>>
export function validated<T extends Types, const S extends StandardSchema | Schemas>(
  store: Store<T>,
  schema: S,
): Store<Validated<T, S>>
export function validated<T extends Types, const S extends StandardSchema | Schemas>(
  store: Store<T>,
  schema: S,
): Store<Validated<T, S>> {
  const schemas = '~standard' in schema ? [['', schema as StandardSchema] as const] : Object.entries(schema)
  return new ValidatedStore<Validated<T, S>>(store, new Map(schemas))
}
