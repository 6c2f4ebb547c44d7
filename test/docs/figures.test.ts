// Pages with figures: what belongs to one, which numbers of the words are nobody's, and what a new output does to the words.
import { expect, test } from 'vitest'
import { figuresOf, renewed, strayNumbers } from './figures.ts'

const table = (one: string, two: string): string =>
  `title: what happens.\nservers 8 · seed 1\n\nALGORITHM  P50     P99\none        ${one}  7.1 ms\ntwo        ${two}  9.9 ms\n`
const page = (words: string, output = table('1.5 ms', '2.5 ms')): string =>
  `# Page\n\nNo figure here: 3 %.\n\n## Section\n\n\`\`\`sh\nbin/weir simulate --seed 1 \\\n  --plot a.svg\n\`\`\`\n\n\`\`\`text\n${output}\`\`\`\n\n${words}\n`
const command = 'bin/weir simulate --seed 1 --plot a.svg'

test('a figure is one command over any number of lines, and the output directly below', () => {
  const others =
    '```sh\nbin/weir simulate --list\n```\n\nWords.\n\n```sh\nbin/weir simulate --help\n```\n\n```text\nRules.\n```\n\n'
  expect(figuresOf(others + page(''))).toEqual([{ command, output: table('1.5 ms', '2.5 ms'), plot: 'a.svg' }])
})

test('a number in the words that no output of the section has is named; sections without figures say what they like', () => {
  expect(strayNumbers(page('It is 1.5 ms, not 1.6 ms.'))).toEqual(['## Section: 1.6 ms'])
})

test('words follow the place in the table that their number came from', () => {
  const now = new Map([[command, table('2.5 ms', '3.5 ms')]])
  const { text, unclear } = renewed(page('From 1.5 ms to 2.5 ms, and `1.5 ms`.'), now)
  expect(text).toBe(page('From 2.5 ms to 3.5 ms, and `2.5 ms`.', table('2.5 ms', '3.5 ms')))
  expect(unclear).toEqual([])
})

test('a number that stood in two places is left to a person when they part', () => {
  const { text, unclear } = renewed(
    page('Both 1.5 ms.', table('1.5 ms', '1.5 ms')),
    new Map([[command, table('2.5 ms', '3.5 ms')]]),
  )
  expect(text).toContain('Both 1.5 ms.')
  expect(unclear).toEqual(['1.5 ms is now 2.5 ms or 3.5 ms: Both 1.5 ms.'])
})
