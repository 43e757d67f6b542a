/** A colour, or one character with what is written over it. */
// oxlint-disable-next-line no-control-regex -- colours begin with an escape
const pieces = /\x1b\[\d+m|\P{M}\p{M}*|\p{M}+/gu

/** What takes two columns of a terminal: East Asian letters, and most pictures. A flag is two halves of one each. */
const wide =
  /^[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|^(?!\p{RI})\p{Emoji_Presentation}/u

/** How many columns of a terminal a text takes. */
function widthOf(text: string): number {
  return (text.match(pieces) ?? []).reduce((sum, piece) => sum + columnsOf(piece), 0)
}

/** As much of a text as has room in so many columns. Colours take none, and end where they ended. */
export function clip(text: string, columns: number): string {
  let left = columns
  return (text.match(pieces) ?? [])
    .filter((piece) => {
      const width = columnsOf(piece)
      if (width > 0) left -= width
      return width === 0 || left >= 0
    })
    .join('')
}

/** The text, cut or filled up to so many columns. */
export function fit(text: string, columns: number): string {
  const cut = clip(text, columns)
  return cut + ' '.repeat(columns - widthOf(cut))
}

function columnsOf(piece: string): number {
  if (piece.startsWith('\x1b')) return 0
  return wide.test(piece) ? 2 : 1
}
