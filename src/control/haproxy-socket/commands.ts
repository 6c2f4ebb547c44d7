// The commands, in one table, and what they answer: as HAProxy does, to the letter where scripts look at the letters. A command
// that changes something is the same action as that of `weir`, with the same journal and the same line in the log.
import { findServer, RequestProblem, type FoundServer } from '../runtime/problem.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { setAdmin, setMaxConnections, setWeight } from '../runtime/servers.ts'
import { pauseFrontend } from '../runtime/traffic.ts'
import type { Who } from '../runtime/who.ts'
import type { AdminState } from '../../model/states.ts'
import { countReasons } from '../admin/errors.ts'
import type { Baseline } from '../admin/baseline.ts'
import { readStatus } from '../admin/status.ts'
import { showInfo } from './show-info.ts'
import { showServersState } from './show-servers-state.ts'
import { showStat } from './show-stat.ts'

export interface Session {
  readonly runtime: Runtime
  readonly baseline: Baseline
  readonly who: Who
}

interface Command {
  /** Words that it begins with. */
  readonly words: string
  readonly usage: string
  readonly help: string
  /** @param args what follows the words @returns the answer, each line with its end; '': nothing to say */
  readonly run: (session: Session, args: readonly string[]) => string | Promise<string>
}

const MAX_WEIGHT = 256

const commands: readonly Command[] = [
  {
    words: 'show stat',
    usage: 'show stat [<proxy>|<id> <type> <sid>]',
    help: 'counters of frontends, backends and servers, as CSV',
    run: ({ runtime }, args) => showStat(runtime.view, args),
  },
  {
    words: 'show info',
    usage: 'show info',
    help: 'about the process',
    run: ({ runtime }) => showInfo(runtime.view),
  },
  {
    words: 'show servers state',
    usage: 'show servers state [<backend>]',
    help: 'states and weights of servers',
    run: ({ runtime }, [backend]) => showServersState(runtime, backend ?? null),
  },
  {
    words: 'show backend',
    usage: 'show backend',
    help: 'names of the backends',
    run: ({ runtime }) => `# name\n${runtime.view.snapshot.backends.map(({ name }) => `${name}\n`).join('')}`,
  },
  { words: 'show version', usage: 'show version', help: 'version', run: ({ runtime }) => `${runtime.view.version}\n` },
  {
    words: 'disable server',
    usage: 'disable server <backend>/<server>',
    help: 'no traffic and no checks',
    run: (session, [place]) => admin(session, place, 'maint'),
  },
  {
    words: 'enable server',
    usage: 'enable server <backend>/<server>',
    help: 'back from maintenance',
    run: (session, [place]) => admin(session, place, 'ready'),
  },
  {
    words: 'set server',
    usage: 'set server <backend>/<server> state|weight <value>',
    help: 'its state (ready, drain, maint) or weight',
    run: setServer,
  },
  {
    words: 'set weight',
    usage: 'set weight <backend>/<server> <weight>[%]',
    help: 'its weight',
    run: (session, [place, value]) => weight(session, place, value),
  },
  {
    words: 'get weight',
    usage: 'get weight <backend>/<server>',
    help: 'its weight, and the configured one',
    run: getWeight,
  },
  {
    words: 'set maxconn server',
    usage: 'set maxconn server <backend>/<server> <maxconn>',
    help: 'its limit of requests in flight',
    run: maxconn,
  },
  {
    words: 'disable frontend',
    usage: 'disable frontend <frontend>',
    help: 'takes no new connections',
    run: ({ runtime, who }, [name]) => (pauseFrontend(runtime, required(name, 'frontend'), true, who), ''),
  },
  {
    words: 'enable frontend',
    usage: 'enable frontend <frontend>',
    help: 'takes connections again',
    run: ({ runtime, who }, [name]) => (pauseFrontend(runtime, required(name, 'frontend'), false, who), ''),
  },
  {
    words: 'clear counters',
    usage: 'clear counters [all]',
    help: 'counters that weir status shows begin at 0',
    run: ({ runtime, baseline, who }) => {
      baseline.clear(readStatus(runtime.view), countReasons(runtime.view))
      runtime.report(who, 'counters cleared (metrics go on)', {})
      return ''
    },
  },
]

/** @param line one command @returns its answer */
export async function execute(session: Session, line: string): Promise<string> {
  const words = line.split(/\s+/)
  const command = commands.find((each) => each.words.split(' ').every((word, i) => word === words[i]))
  if (command === undefined) return words[0] === 'help' ? help(commands) : unknown(words)
  try {
    return await command.run(session, words.slice(command.words.split(' ').length))
  } catch (error) {
    if (error instanceof RequestProblem) return `${wordsOf(error)}\n`
    throw error
  }
}

/** HAProxy's words for what can be wrong with a name, ours for the rest. */
function wordsOf({ message }: RequestProblem): string {
  if (message.startsWith('there is no backend')) return 'No such backend.'
  if (message.startsWith('there is no server')) return 'No such server.'
  if (message.startsWith('there is no frontend')) return 'No such frontend.'
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`
}

function help(list: readonly Command[]): string {
  const lines = [...list, ...own].map(({ usage, help: text }) => `  ${usage.padEnd(52)}: ${text}\n`)
  return `The following commands are valid at this level:\n${lines.join('')}`
}

const own = [
  { usage: 'help', help: 'this list' },
  { usage: 'prompt', help: 'keeps the connection open' },
  { usage: 'quit', help: 'closes it' },
]

function unknown([first]: readonly string[]): string {
  const near = commands.filter(({ words }) => words.split(' ')[0] === first)
  const list = help(near.length > 0 ? near : commands)
  return list.replace(/^.*\n/, 'Unknown command, but maybe one of the following ones is a better match:\n')
}

function required(word: string | undefined, what: string): string {
  if (word !== undefined && word !== '') return word
  throw new RequestProblem(422, `require <${what}>`)
}

/** 'backend/server'; @throws RequestProblem */
function placeOf({ runtime }: Session, written: string | undefined): readonly [string, string] {
  const at = written?.indexOf('/') ?? -1
  if (written === undefined || at < 1 || at === written.length - 1)
    throw new RequestProblem(422, "require 'backend/server'")
  const place = [written.slice(0, at), written.slice(at + 1)] as const
  findServer(runtime.view.snapshot, ...place)
  return place
}

async function admin(session: Session, written: string | undefined, state: AdminState): Promise<string> {
  await setAdmin(session.runtime, placeOf(session, written), { admin: state }, session.who)
  return ''
}

async function setServer(session: Session, [written, field, value]: readonly string[]): Promise<string> {
  placeOf(session, written)
  if (field === 'weight') return weight(session, written, value)
  if (field !== 'state') return 'usage: set server <backend>/<server> state | weight\n'
  if (value === 'ready' || value === 'drain' || value === 'maint') return admin(session, written, value)
  return "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n"
}

async function weight(session: Session, written: string | undefined, value: string | undefined): Promise<string> {
  const place = placeOf(session, written)
  const number = /^(\d{1,6})(%?)$/.exec(value ?? '')
  if (number === null) return 'Empty weight string empty or preceded by garbage\n'
  if (number[2] === '' && Number(number[1]) > MAX_WEIGHT)
    return `Absolute weight can only be between 0 and ${MAX_WEIGHT} inclusive.\n`
  await setWeight(session.runtime, place, value, session.who)
  return ''
}

function getWeight(session: Session, [written]: readonly string[]): string {
  const place = placeOf(session, written)
  const found: FoundServer = findServer(session.runtime.view.snapshot, ...place)
  const now = session.runtime.view.board.shared.server.weight[found.server.slot]!
  return `${now} (initial ${session.runtime.configured(...place).weight})\n`
}

async function maxconn(session: Session, [written, value]: readonly string[]): Promise<string> {
  const place = placeOf(session, written)
  if (value === undefined) return 'Require <maxconn>.\n'
  await setMaxConnections(session.runtime, place, value, session.who)
  return ''
}
