/** How a document is laid out, so that what is added looks like what is there. */
export interface Style {
  /** One step of indentation; `''` where all stands on one line. */
  readonly indent: string
  /** The end of a line; `''` where all stands on one line. */
  readonly newline: string
  /** What stands between a name and its value. */
  readonly colon: string
}

/** How a document without members is laid out from then on. */
const plainStyle: Style = { indent: '  ', newline: '\n', colon: ': ' }

/**
 * The layout of a document, by its first member.
 *
 * @param opening the white space between the first brace and the first name; undefined: there are no members
 * @param colon   what stands between the first name and its value
 * @param text    the whole document
 */
export function styleOf(opening: string | undefined, colon: string | undefined, text: string): Style {
  const ending = text.includes('\r\n') ? '\r\n' : '\n'
  if (opening === undefined || colon === undefined) return { ...plainStyle, newline: ending }
  const last = Math.max(opening.lastIndexOf('\n'), opening.lastIndexOf('\r'))
  return last < 0 ? { indent: '', newline: '', colon } : { indent: opening.slice(last + 1), newline: ending, colon }
}

/** The start of a line at a level of nesting: nothing where all stands on one line. */
export function lineAt(level: number, { newline, indent }: Style): string {
  return newline + indent.repeat(newline === '' ? 0 : level)
}

/**
 * A value as text, laid out as the document is.
 *
 * @param level how deep the member stands whose value it is
 */
export function layOut(value: unknown, level: number, style: Style): string {
  if (style.newline === '') return JSON.stringify(value)
  // Strings hold no line ends in JSON, so every one is of the layout; and an indentation may be longer than `stringify` takes.
  const text = JSON.stringify(value, null, 1)
  return text.replace(/\n( *)/g, (_, spaces: string) => lineAt(level + spaces.length, style))
}
