// npm run docs:plots: runs the commands of docs/choosing-a-balancer.md and writes their outputs, their plots and the numbers
// in its words anew. For when a balancer, the simulator or the page has changed; test/docs/docs.test.ts fails until then.
// Ends with 1 when a claim of the page (an --assert) does not hold any more, or a number needs a person.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { figuresOf, renewed, strayNumbers } from '../test/docs/figures.ts'
import { pages, root } from '../test/docs/pages.ts'
import { Session } from '../test/docs/session.ts'

const path = 'docs/choosing-a-balancer.md'
const troubles: string[] = []

await using session = await Session.of(pages.find((page) => page.path === path)!)
const before = readFileSync(join(root, path), 'utf8')
const plots = join(root, 'docs', 'plots')
mkdirSync(plots, { recursive: true })

const outputs = new Map<string, string>()
for (const { command, plot } of figuresOf(before)) {
  console.log(command)
  outputs.set(command, await run(command))
  if (plot !== null) copyFileSync(join(session.folder, plot), join(plots, plot))
}
const { text, unclear } = renewed(before, outputs)
writeFileSync(join(root, path), text)
troubles.push(...unclear, ...strayNumbers(text).map((number) => `no command prints it any more: ${number}`))
console.log(
  text === before ? `${path} is as it was` : `${path} is written anew: read what its words say of the numbers`,
)
for (const trouble of troubles) console.error(trouble)
process.exitCode = troubles.length > 0 ? 1 : 0

/** A claim that fails is a trouble, and its output is taken; anything else that fails ends the script. */
async function run(command: string): Promise<string> {
  try {
    return await session.run(command)
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    if (!stdout.includes('\nFAILS')) throw error
    troubles.push(stderr.trim())
    return stdout
  }
}
