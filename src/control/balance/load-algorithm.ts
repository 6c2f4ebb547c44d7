// Loads a balancer of the user's own on the control plane, where it is tried before any worker gets it, and where its
// tables are built. TypeScript runs as it is (Node strips the types). What goes wrong is told in one line, with the place
// in the user's file where there is one. The workers load the file for themselves: code does not cross threads.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { balancers } from '../../balance/balancers.ts'
import { algorithmIn, tryOut } from '../../balance/custom.ts'
import type { Algorithm } from '../../balance/types.ts'
import type { BalancerName } from '../../model/balancers.ts'

/** In milliseconds; a module may wait for something before it is ready, but not for ever. */
const PATIENCE = 10_000

const own = new Map<string, Algorithm>()

/** The algorithm of a backend. A file of the user's own must have been loaded before; without, leastconn stands for it. */
export const algorithmFor = ({ algorithm, file }: { algorithm: string; file: string | null }): Algorithm =>
  file === null ? balancers[algorithm as BalancerName] : (own.get(file) ?? balancers.leastconn)

/**
 * @param file absolute path
 * @throws Error whose message is one line: 'my-balancer.ts:3:13: Expression expected'
 */
export async function loadAlgorithm(file: string): Promise<Algorithm> {
  own.delete(file)
  const algorithm = algorithmIn(await importFile(file))
  tryOut(algorithm)
  own.set(file, withSafeTable(algorithm))
  return algorithm
}

/** The table is built while Weir runs: if that throws, it is empty, and the guard in the workers deals with what follows. */
function withSafeTable(algorithm: Algorithm): Algorithm {
  if (algorithm.table === undefined) return algorithm
  return {
    create: (context) => algorithm.create(context),
    table: (members, options) => {
      try {
        return algorithm.table!(members, options)
      } catch {
        return new SharedArrayBuffer(0)
      }
    },
  }
}

/**
 * Of what is in a file. A module is loaded once per URL, so a changed file needs another one; the time of its change would
 * not do, for a file that is put back has its old time. What the file imports itself is not looked at.
 * @throws Error of the system
 */
export function digestOf(file: string): string {
  try {
    return createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 16)
  } catch (error) {
    throw new Error(wordsOf(error, file), { cause: error })
  }
}

async function importFile(file: string): Promise<unknown> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error('it is still loading after 10 seconds')), PATIENCE)
  try {
    return await Promise.race([import(`${pathToFileURL(file).href}?v=${digestOf(file)}`), late])
  } catch (error) {
    throw new Error(wordsOf(error, file), { cause: error })
  } finally {
    clearTimeout(timer)
  }
}

/** What went wrong, with the line and the column that Node puts into the stack and not into the message. */
function wordsOf(error: unknown, file: string): string {
  if (!(error instanceof Error)) return `it throws ${String(error)}`
  const { code, message, stack = '' } = error as NodeJS.ErrnoException
  const words = `${message.split('\n')[0]!}${hintFor(code, message)}`
  const place =
    error instanceof SyntaxError ? (syntaxPlace(stack) ?? placeByChecking(file, message)) : thrownPlace(stack, file)
  return place === null ? words : `${place}: ${words}`
}

function hintFor(code: string | undefined, message: string): string {
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') return ' (types are stripped, not compiled)'
  const types = code === 'ERR_MODULE_NOT_FOUND' && message.includes("'weir")
  return types ? ' (there is nothing but types in it: say "import type")' : ''
}

/** A syntax error begins with the place, the line and a caret below: 'file:///etc/my.ts?v=1a:3', '  const a = = 3', '   ^'. */
function syntaxPlace(stack: string): string | null {
  const [head = '', ...rest] = stack.split('\n')
  const { 1: path, 2: line } = /^(.+?)(?:\?v=[\da-f]+)?:(\d+)$/.exec(head) ?? []
  if (path === undefined) return null
  const caret = rest.find((text) => /^\s*\^+\s*$/.test(text))
  const name = basename(path.startsWith('file:') ? fileURLToPath(path) : path)
  return caret === undefined ? `${name}:${line}` : `${name}:${line}:${caret.indexOf('^') + 1}`
}

/** Of errors in modules of JavaScript the stack has no place, but `node --check` tells it. */
function placeByChecking(file: string, message: string): string | null {
  const { stderr } = spawnSync(process.execPath, ['--check', file], { encoding: 'utf8', timeout: PATIENCE })
  return stderr.includes(`SyntaxError: ${message}`) ? syntaxPlace(stderr) : null
}

/** What the module threw while it was loaded: the first place in its own file. */
function thrownPlace(stack: string, file: string): string | null {
  const url = pathToFileURL(file).href
  for (const text of stack.split('\n')) {
    const at = text.indexOf(url)
    const place = at < 0 ? null : /^(?:\?v=[\da-f]+)?(:\d+:\d+)/.exec(text.slice(at + url.length))
    if (place) return basename(file) + place[1]!
  }
  return null
}
