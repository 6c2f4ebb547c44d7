// The commands, in one table. A command is one file: arguments in, exit code out. Each is loaded only when it is called,
// so that `weir status` does not wait for what `weir run` needs.
import { suggestion } from '../config/nearest.ts'

interface Command {
  readonly summary: string
  /** Arguments after the name -> exit code. */
  readonly run: (argv: string[]) => Promise<number>
}

export const commands: Readonly<Record<string, Command>> = {
  run: { summary: 'run the load balancer', run: async (argv) => (await import('./run.ts')).run(argv) },
  check: {
    summary: 'check a configuration without running it',
    run: async (argv) => (await import('./check.ts')).check(argv),
  },
  status: {
    summary: 'show the state of a running Weir',
    run: async (argv) => (await import('./status.ts')).status(argv),
  },
  show: {
    summary: 'show one aspect of a running Weir: servers, connections, errors, ...',
    run: async (argv) => (await import('./show.ts')).show(argv),
  },
  reload: {
    summary: 'have a running Weir read its configuration again',
    run: async (argv) => (await import('./reload.ts')).reload(argv),
  },
  plan: {
    summary: 'show what another configuration would change',
    run: async (argv) => (await import('./plan.ts')).plan(argv),
  },
  apply: {
    summary: 'go over to another configuration, for good or on trial',
    run: async (argv) => (await import('./apply.ts')).apply(argv),
  },
  confirm: {
    summary: 'keep what was applied on trial',
    run: async (argv) => (await import('./confirm.ts')).confirm(argv),
  },
  server: {
    summary: 'drain, weigh, add, remove, check a server',
    run: async (argv) => (await import('./server.ts')).server(argv),
  },
  backend: {
    summary: 'drain or bring back all servers of a backend',
    run: async (argv) => (await import('./backend.ts')).backend(argv),
  },
  frontend: {
    summary: 'pause and resume a frontend',
    run: async (argv) => (await import('./frontend.ts')).frontend(argv),
  },
  cert: {
    summary: 'put, use, list and roll back certificates',
    run: async (argv) => (await import('./cert.ts')).cert(argv),
  },
  connections: {
    summary: 'close connections of clients',
    run: async (argv) => (await import('./connections.ts')).connections(argv),
  },
  counters: {
    summary: 'clear what status and show count',
    run: async (argv) => (await import('./counters.ts')).counters(argv),
  },
  workers: {
    summary: 'show and recycle the worker threads',
    run: async (argv) => (await import('./workers.ts')).workers(argv),
  },
  upgrade: {
    summary: 'start the installed program in the place of the running one',
    run: async (argv) => (await import('./upgrade.ts')).upgrade(argv),
  },
  drift: {
    summary: 'show and clear what differs from the configuration',
    run: async (argv) => (await import('./drift.ts')).drift(argv),
  },
  simulate: {
    summary: 'compare balancing algorithms on simulated or recorded traffic',
    run: async (argv) => (await import('./simulate.ts')).simulate(argv),
  },
  balancer: {
    summary: 'check a balancer of your own',
    run: async (argv) => (await import('./balancer.ts')).balancer(argv),
  },
  tool: {
    summary: 'run one of the ELB and IAM tools of 2011',
    run: async (argv) => (await import('./elb-tools/tools.ts')).tool(argv),
  },
  version: { summary: 'print the version', run: async () => (await import('./version.ts')).printVersion() },
  help: { summary: 'print this text, or that of a command', run: help },
}

const overview = `Usage: weir COMMAND [arguments]

A load balancer for HTTP, TLS and TCP.

${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(13)}${summary}`)
  .join('\n')}

weir help COMMAND says more. Exit codes: 0 done, 1 failed, 2 wrong usage.
`

const aliases: Readonly<Record<string, string>> = {
  '--help': 'help',
  '-h': 'help',
  '--version': 'version',
  '-v': 'version',
  '-V': 'version',
}

/** @param argv without node and the script @returns the exit code */
export async function dispatch(argv: readonly string[]): Promise<number> {
  const [word, ...rest] = argv
  if (word === undefined) {
    process.stderr.write(overview)
    return 2
  }
  return commandFor(aliases[word] ?? word)?.run(rest) ?? unknown(word)
}

const commandFor = (name: string): Command | undefined => (Object.hasOwn(commands, name) ? commands[name] : undefined)

async function help([name]: readonly string[]): Promise<number> {
  if (name === undefined || name === 'help' || name === 'version') {
    process.stdout.write(overview)
    return 0
  }
  return commandFor(name)?.run(['--help']) ?? unknown(name)
}

function unknown(word: string): number {
  process.stderr.write(`weir: there is no command "${word}"${suggestion(word, Object.keys(commands))}\n\n${overview}`)
  return 2
}
