// The pages that are held to their word: README.md, CONTRIBUTING.md and the manual, and the code blocks in them.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '..', '..')

export interface Block {
  readonly language: string
  readonly text: string
  /** 'docs/tls.md:12', where the block begins. */
  readonly place: string
}

export interface Page {
  /** Path in the repository. */
  readonly path: string
  readonly text: string
  readonly blocks: readonly Block[]
}

const paths = ['README.md', 'CONTRIBUTING.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)]

export const pages: readonly Page[] = paths
  .filter((path) => path.endsWith('.md'))
  .map((path) => {
    const text = readFileSync(join(root, path), 'utf8')
    return { path, text, blocks: blocksOf(path, text) }
  })

function blocksOf(path: string, text: string): Block[] {
  return [...text.matchAll(/^```(.*)\n([^]*?)^```$/gm)].map(({ 1: language, 2: body, index }) => ({
    language: language!,
    text: body!,
    place: `${path}:${text.slice(0, index).split('\n').length}`,
  }))
}

export const blocksIn = (page: Page, ...languages: readonly string[]): Block[] =>
  page.blocks.filter(({ language }) => languages.includes(language))
