// Figures of a page: a `weir simulate` command, the output printed below it, the plot shown above it, and the numbers that
// the words around them repeat. All of it follows from the commands, so it can be checked and written anew, and the words
// cannot keep a number that no command prints. What the words make of the numbers stays with whoever reads them; claims
// belong into the commands, as --assert.

export interface Figure {
  /** One line, whatever it is on the page. */
  readonly command: string
  /** As the page has it; empty in one that was never filled in. */
  readonly output: string
  /** The name that the command gives its plot; on the page it is in plots/. */
  readonly plot: string | null
}

/** A block of one command, and its output directly below: a title, then the settings; or nothing yet. */
const FIGURE = /^(```sh\n)(bin\/weir simulate (?:.|\n(?!```))*\n)(```\n\n```text\n)((?:.+\nservers [^]*?)?)^```$/gm
const SECTION = /^(?=## )/m
const FENCED = /(^```[^]*?^```$)/m
/** Latencies, shares, and ratios such as 1.07. */
const NUMBER = /\d+(?:\.\d+)? (?:ms|%)|\d+\.\d+/g

/** The commands of a block, of which one may go over several lines. */
export const commandsIn = (block: string): string[] =>
  block
    .trim()
    .replaceAll(/\s*\\\n\s*/g, ' ')
    .split('\n')

export function figuresOf(text: string): Figure[] {
  return [...text.matchAll(FIGURE)]
    .map(({ 2: commands, 4: output }) => ({ commands: commandsIn(commands!), output: output! }))
    .filter(({ commands }) => commands.length === 1)
    .map(({ commands: [command], output }) => ({
      command: command!,
      output,
      plot: /--plot (\S+)/.exec(command!)?.[1] ?? null,
    }))
}

/** Numbers in the words of a section with figures that none of its outputs has, each with the title of the section. */
export function strayNumbers(text: string): string[] {
  return text.split(SECTION).flatMap((section) => {
    const figures = figuresOf(section)
    const printed = new Set(figures.flatMap(({ output }) => output.match(NUMBER) ?? []))
    const said = wordsOf(section).match(NUMBER) ?? []
    const title = section.slice(0, section.indexOf('\n'))
    return figures.length === 0
      ? []
      : said.filter((number) => !printed.has(number)).map((number) => `${title}: ${number}`)
  })
}

const wordsOf = (section: string): string => section.split(FENCED).filter(isWords).join('')
/** Of the pieces that FENCED splits a text into. */
const isWords = (_: string, i: number): boolean => i % 2 === 0

/**
 * The page with new outputs. A number in the words becomes what now stands in its place in the table.
 * @param outputs by command
 * @returns also the numbers that stood in several places, which now differ: for a person to decide
 */
export function renewed(text: string, outputs: ReadonlyMap<string, string>): { text: string; unclear: string[] } {
  const unclear: string[] = []
  const sections = text.split(SECTION).map((section) => {
    const changes = new Map<string, Set<string>>()
    const filled = section.replace(FIGURE, (_, open: string, commands: string, between: string, before: string) => {
      const now = outputs.get(commandsIn(commands)[0]!) ?? before
      collectChanges(changes, before, now)
      return `${open}${commands}${between}${now}\`\`\``
    })
    return filled
      .split(FENCED)
      .map((piece, i) =>
        isWords(piece, i)
          ? piece.replaceAll(NUMBER, (number) => {
              const [to = number, ...others] = changes.get(number) ?? []
              if (others.length > 0) unclear.push(`${number} is now ${[to, ...others].join(' or ')}: ${piece.trim()}`)
              return others.length > 0 ? number : to
            })
          : piece,
      )
      .join('')
  })
  return { text: sections.join(''), unclear }
}

/** What each cell of a table has become, as far as the table has kept its shape. */
function collectChanges(changes: Map<string, Set<string>>, before: string, now: string): void {
  const cellsOf = (output: string): string[][] => output.split('\n').map((line) => line.trim().split(/\s{2,}/))
  const after = cellsOf(now)
  cellsOf(before).forEach((cells, row) => {
    if (cells.length < 3 || cells.length !== after[row]?.length) return
    cells.forEach((cell, column) => {
      changes.set(cell, (changes.get(cell) ?? new Set()).add(after[row]![column]!))
    })
  })
}
