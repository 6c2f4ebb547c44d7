// Tables for people on a terminal: columns as wide as they need to be, colours where the reader should look first. Pure.

export interface Cell {
  readonly text: string
  readonly colour?: Colour
  readonly right?: boolean
}
export type Colour = keyof typeof codes
export interface Style {
  readonly colour: boolean
  /** In milliseconds since the epoch. */
  readonly now: number
}

const codes = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const

/** A number: it stands at the right of its column. */
export const right = (text: string): Cell => ({ text, right: true })

/** Columns as wide as their widest cell; numbers stand at the right, and a column with nothing in it is left out. */
export function table(allTitles: readonly string[], allRows: readonly (readonly Cell[])[], style: Style): string[] {
  const used = allTitles.map((_, i) => allRows.some((row) => (row[i]?.text ?? '') !== ''))
  const titles = allTitles.filter((_, i) => used[i])
  const rows = allRows.map((row) => row.filter((_, i) => used[i]))
  const numeric = titles.map((_, i) => rows.some((row) => row[i]?.right === true))
  const header = titles.map((text, i): Cell => ({ text, colour: 'bold', right: numeric[i]! }))
  const widths = titles.map((_, i) => Math.max(...[header, ...rows].map((row) => row[i]?.text.length ?? 0)))
  return [header, ...rows].map((row) =>
    row
      .map((cell, i) => paint(cell, { width: widths[i]!, last: i === titles.length - 1, ...style }))
      .join('  ')
      .trimEnd(),
  )
}

function paint(
  { text, colour, right }: Cell,
  { width, last, ...style }: Style & { width: number; last: boolean },
): string {
  const padded = right ? text.padStart(width) : last ? text : text.padEnd(width)
  return colour !== undefined && text !== '' ? padded.replace(text, tint(text, colour, style)) : padded
}

export const tint = (text: string, colour: Colour, style: { readonly colour: boolean }): string =>
  style.colour ? `\x1b[${codes[colour]}m${text}\x1b[0m` : text
