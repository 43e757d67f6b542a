const letters = '0123456789bcdefghjkmnpqrstuvwxyz'

/** A rectangle of the world, in degrees. */
export interface Box {
  readonly west: number
  readonly south: number
  readonly east: number
  readonly north: number
}

/** How many degrees a cell of so many letters is wide and high. */
function cellSize(length: number): { readonly width: number; readonly height: number } {
  const bits = length * 5
  return { width: 360 / 2 ** Math.ceil(bits / 2), height: 180 / 2 ** Math.floor(bits / 2) }
}

/** The cell of a point: cells that begin with the same letters lie in one larger cell. */
export function geohash(latitude: number, longitude: number, length: number): string {
  const { width, height } = cellSize(length)
  const columns = Math.round(360 / width)
  const rows = Math.round(180 / height)
  const column = Math.min(columns - 1, Math.max(0, Math.floor((longitude + 180) / width)))
  const row = Math.min(rows - 1, Math.max(0, Math.floor((latitude + 90) / height)))
  return cellAt(column, row, length)
}

/** The cells that cover a box, of as many letters as gives at most so many cells. */
export function cellsOf({ west, south, east, north }: Box, most: number): string[] {
  let best: string[] = ['']
  for (let length = 1; length <= 6; length++) {
    const { width, height } = cellSize(length)
    const from = { column: Math.floor((west + 180) / width), row: Math.floor((south + 90) / height) }
    const to = { column: Math.floor((east + 180) / width), row: Math.floor((north + 90) / height) }
    const columns = Math.min(to.column, Math.round(360 / width) - 1) - Math.max(0, from.column) + 1
    const rows = Math.min(to.row, Math.round(180 / height) - 1) - Math.max(0, from.row) + 1
    if (columns * rows > most) break
    best = []
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        best.push(cellAt(Math.max(0, from.column) + column, Math.max(0, from.row) + row, length))
      }
    }
  }
  return best
}

/** The bits of column and row take turns; each five of them are a letter. */
function cellAt(column: number, row: number, length: number): string {
  const bits = length * 5
  let columnBits = Math.ceil(bits / 2)
  let rowBits = Math.floor(bits / 2)
  let cell = ''
  let letter = 0
  for (let i = 0; i < bits; i++) {
    const bit = i % 2 === 0 ? (column >> --columnBits) & 1 : (row >> --rowBits) & 1
    letter = letter * 2 + bit
    if (i % 5 === 4) {
      cell += letters[letter]
      letter = 0
    }
  }
  return cell
}
