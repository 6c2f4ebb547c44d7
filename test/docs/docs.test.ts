// README.md, CONTRIBUTING.md and the manual say only what works: every YAML block goes through the checker, every command is
// run, every link and every file name leads somewhere. A block or a command that no rule here covers fails.
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { loadScenario } from '../../src/cli/simulate-scenario.ts'
import { formatProblems } from '../../src/config/format.ts'
import { loadConfig } from '../../src/config/load.ts'
import { equalServers } from '../../src/simulate/scenarios.ts'
import { completed, isScenario, writeCertificates, writeFiles } from './examples.ts'
import { run } from '../support/programs.ts'
import { commandsIn, figuresOf, strayNumbers, type Figure } from './figures.ts'
import { blocksIn, pages, root, type Page } from './pages.ts'
import { hasProgram, Session } from './session.ts'

const folder = mkdtempSync(join(tmpdir(), 'weir-docs-'))
afterAll(() => rmSync(folder, { recursive: true }))

const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }

test('every block is of a language that has a rule', () => {
  const known = ['yaml', 'sh', 'console', 'haproxy', 'ts', 'text'] // text is what programs print, and drawings
  const others = pages.flatMap(({ blocks }) => blocks).filter(({ language }) => !known.includes(language))
  expect(others.map(({ place, language }) => `${place}: ${language || 'no language'}`)).toEqual([])
})

describe('YAML', () => {
  /** Not Weir's: the first key says whose it is. */
  const foreign = ['scrape_configs']
  const twoServers = equalServers(2).map((server, i) => ({ ...server, name: `web${i + 1}` }))
  const blocks = pages.flatMap((page) => blocksIn(page, 'yaml'))
  for (const page of pages) writeFiles(page, folder)

  test.each(blocks.map((block) => [block.place, block] as const))('%s', async (_, block) => {
    const tree = parse(block.text) as object | null
    if (tree !== null && isScenario(block)) {
      writeFileSync(join(folder, 'scenario.yaml'), block.text)
      const servers = /\bweb\d/.test(block.text) ? twoServers : null // null: those that there are without a configuration
      const { problems, sources } = loadScenario(join(folder, 'scenario.yaml'), servers)
      expect(formatProblems(problems, sources, 'text')).toBe('')
      return
    }
    if (tree === null || foreign.includes(Object.keys(tree)[0]!)) return // a comment alone, or another program's file
    await writeCertificates(block.text, folder)
    const file = join(folder, 'weir.yaml')
    writeFileSync(file, completed(block))
    const loaded = loadConfig(file, {})
    const problems = loaded.config ? loaded.warnings : loaded.problems
    expect(formatProblems(problems, loaded.sources, 'text')).toBe('')
  })
})

/** What is done with a command, by what it looks like. The first rule that matches is taken. */
const rules: readonly (readonly [RegExp, (session: Session, command: string) => unknown])[] = [
  [/^npm test$/, () => expect(scripts.test).toBeDefined()], // it is what runs
  [/^npm run [\w:-]+$/, (_, command) => expect(Object.keys(scripts)).toContain(command.slice('npm run '.length))],
  [/^bin\/weir run /, (session, command) => session.runWeir(command)],
  [/^bin\/weir [a-z]+\b/, (session, command) => session.run(command)],
  [/^export \w+=\S+$/, (session, command) => session.export(command)],
  [/^(elb|iam)-[a-z-]+\b/, (session, command) => session.run(command)],
  [/^node -e .* &$/, (session, command) => session.runServer(command)],
  [/^curl /, (session, command) => session.run(command.replace('curl', 'curl -sSf'))],
  [/^(openssl req|cat|cp|sed -i) /, (session, command) => session.run(command)],
  [/^echo .* \| socat /, (session, command) => (hasProgram('socat') ? session.run(command) : '')],
]
const programs = ['curl', 'openssl'].filter((name) => !hasProgram(name))

describe('commands', { timeout: 600_000 }, () => {
  const withCommands = pages.filter((page) => blocksIn(page, 'sh', 'console').length > 0)

  test.skipIf(programs.length > 0).each(withCommands.map((page) => [page.path, page] as const))(
    '%s',
    async (_, page) => {
      await using session = await Session.of(page)
      const figures = figuresOf(page.text)
      for (const block of blocksIn(page, 'sh', 'console')) {
        if (block.language === 'console') expect(await transcript(session, block.text), block.place).toBe(block.text)
        else {
          for (const command of commandsIn(block.text)) {
            const printed = await follow(session, command, block.place)
            const figure = figures.find((each) => each.command === command)
            if (figure !== undefined) expectFigure(figure, printed, session.folder, block.place)
          }
        }
      }
    },
  )
})

/** @returns what the rule gives: of a command that ends, what it printed */
async function follow(session: Session, command: string, place: string): Promise<unknown> {
  const rule = rules.find(([pattern]) => pattern.test(command))
  expect(rule, `${place}: no rule covers the command: ${command}`).toBeDefined()
  return rule![1](session, command)
}

/** The page has what the command prints and draws now; where not, `npm run docs:plots` writes it anew. */
function expectFigure({ output, plot }: Figure, printed: unknown, folder: string, place: string): void {
  expect(printed, `${place}: npm run docs:plots`).toBe(output)
  if (plot === null) return
  const same = readFileSync(join(folder, plot), 'utf8') === readFileSync(join(root, 'docs', 'plots', plot), 'utf8')
  expect(same, `${place}: ${plot} is not what is drawn now: npm run docs:plots`).toBe(true)
}

test.each(pages.map((page) => [page.path, page] as const))('numbers in the words of %s are printed', (_, { text }) => {
  expect(strayNumbers(text)).toEqual([])
})

/** The `$ ` lines of a block, each with what it prints now. */
async function transcript(session: Session, text: string): Promise<string> {
  let said = ''
  for (const [line, command] of text.matchAll(/^\$ (?:bin\/)?(weir (?:check|version|help).*)$/gm)) {
    said += `${line}\n${await session.run(`bin/${command}`)}`
  }
  return said
}

test('TypeScript is right by its types, as those who write against the package see them', async () => {
  const names = pages.flatMap((page) => writeFiles(page, folder))
  expect(names).not.toEqual([])
  const paths = { 'weir/balance': [join(root, 'src/balance/public.ts')] }
  const compilerOptions = {
    paths,
    noEmit: true,
    allowImportingTsExtensions: true,
    target: 'es2025',
    module: 'nodenext',
  }
  const strictest = {
    strict: true,
    noUncheckedIndexedAccess: true,
    erasableSyntaxOnly: true,
    verbatimModuleSyntax: true,
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...compilerOptions, ...strictest, types: [] }, files: names }),
  )
  const { stdout } = await run(join(root, 'node_modules/.bin/tsc'), ['-p', folder], '', 200_000)
  expect(stdout).toBe('')
}, 240_000)

test.skipIf(!hasProgram('haproxy'))('what stands for HAProxy is what HAProxy takes', async () => {
  const page: Page = pages[0]!
  await using session = await Session.of(page)
  const blocks = blocksIn(page, 'haproxy')
  expect(blocks).not.toEqual([])
  for (const { text } of blocks) {
    await writeCertificates(text, session.folder)
    writeFileSync(join(session.folder, 'haproxy.cfg'), text)
    await session.run('haproxy -c -f haproxy.cfg')
  }
})

test('the index of the manual has every page', () => {
  const index = pages.find(({ path }) => path === 'docs/README.md')!
  const names = pages.map(({ path }) => /^docs\/(.+)$/.exec(path)?.[1]).filter((name) => name !== undefined)
  expect(names.filter((name) => name !== 'README.md' && !index.text.includes(`](${name})`))).toEqual([])
})

describe('names', () => {
  const later = ['bench/RESULTS.md'] // written by npm run bench -- --write
  const files = globSync('{src,test,bench,scripts}/**/*.{ts,mjs}', { cwd: root }).map((file) => `/${file}`)

  test.each(pages.map((page) => [page.path, page] as const))('%s', (_, { path, text }) => {
    const links = [...text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)]
      .map(([, to]) => to!)
      .filter((to) => !to.includes('://'))
    const missing = links.filter((to) => !existsSync(join(root, dirname(path), to)) && !later.includes(to))
    const named = [...text.matchAll(/`([\w./-]+\.ts)`/g)].map(([, name]) => name!)
    missing.push(...named.filter((name) => !files.some((file) => file.endsWith(`/${name}`))))
    const wanted = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name!)
    missing.push(...wanted.filter((name) => !(name in scripts)))
    expect(missing).toEqual([])
  })
})
