// `weir run`: the load balancer itself. Reads the configuration, starts the control plane, and stays until it has ended.
// Prints log lines only; problems of the configuration and a start that failed go to stderr.
import { resolve } from 'node:path'
import { formatProblems } from '../config/format.ts'
import { configFromFlags } from '../config/from-flags.ts'
import { loadConfig, type Loaded } from '../config/load.ts'
import type { Config } from '../config/config.ts'
import { checkBalancerFiles } from '../control/balance/check-files.ts'
import type { Logger } from 'pino'
import { openLog, type ProcessLog } from '../control/log.ts'
import { prepareStart } from '../control/prepare.ts'
import { takeActivated } from '../control/lifecycle/activation.ts'
import { InheritedSockets } from '../control/lifecycle/inherited.ts'
import { Supervision } from '../control/lifecycle/systemd.ts'
import { Takeover } from '../control/lifecycle/takeover.ts'
import { exitCodeOf, handleSignals } from '../control/signals.ts'
import { StartError, startWeir, type Weir } from '../control/supervisor.ts'
import type { Snapshot } from '../messages/snapshot.ts'
import { balancerNames } from '../model/balancers.ts'
import { readArguments, UsageError, withUsage } from './usage.ts'
import { version } from './version.ts'

/** The default first, on two lines. */
const balancers = balancerNames
  .map((name, i) => `${name}${i === 0 ? ' (default)' : ''}`)
  .join(', ')
  .replace(/^(.{1,56}), /, `$1,\n${' '.repeat(27)}`)

export const runUsage = `Usage: weir run FILE
       weir run --listen ADDRESS --to SERVER[,SERVER...] [options]

Runs the load balancer, by a configuration file (or a folder of *.yaml files), or by options alone.

  -f, -c, --config FILE    the same as FILE
      --listen ADDRESS     where clients connect: :8080, 127.0.0.1:80, unix:/path; may be repeated
      --to SERVERS         where their requests go: 10.0.0.1:80,10.0.0.2:80; may be repeated
      --balance ALGORITHM  ${balancers}
      --tls FILE           terminate TLS with the certificate and key in this PEM file
      --mode MODE          http (default) or tcp
      --check CHECK        health check: tcp (default), http, a path, or off
      --watch              reload when the configuration changes, as global.watch does
  -h, --help               this text

Signals: SIGTERM and SIGINT finish what is under way and stop, a second one ends at once; SIGUSR1 opens log files anew;
SIGHUP reads the configuration again; SIGUSR2 starts the program anew, hands over to it, and stops (weir upgrade).
Exit codes: 0 stopped, 1 invalid configuration or failed, 2 wrong usage, 130 and 143 ended by a second signal.
`

const options = {
  config: { type: 'string', short: 'c' },
  file: { type: 'string', short: 'f' },
  listen: { type: 'string', multiple: true },
  to: { type: 'string', multiple: true },
  balance: { type: 'string' },
  tls: { type: 'string' },
  mode: { type: 'string' },
  check: { type: 'string' },
  watch: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** @param argv what follows the word `run` @returns the exit code, when Weir has ended */
export function run(argv: string[]): Promise<number> {
  return withUsage('run', runUsage, async () => {
    const { values, positionals } = readArguments({ args: argv, options, allowPositionals: true })
    if (values.help) {
      process.stdout.write(runUsage)
      return 0
    }
    const { config: long, file: short, help: _, watch = false, ...flags } = values
    const files = [long, short, ...positionals].filter((file) => file !== undefined)
    const takeover = Takeover.from(process.env)
    if (watch && files.length === 0) throw new UsageError('--watch needs a configuration file to look at')
    const loaded = await checkBalancerFiles(load(files, flags))
    if (loaded.config === null) {
      const problems = formatProblems(loaded.problems, loaded.sources, 'text')
      process.stderr.write(problems)
      await takeover?.failed([problems.trim()])
      return 1
    }
    const { config } = loaded
    const log = await openLog(config.global.log).catch((error: Error) => error)
    if (log instanceof Error) {
      process.stderr.write(`weir: ${log.message}\n`)
      await takeover?.failed([log.message])
      return 1
    }
    for (const { code, message, file, line } of loaded.warnings) log.log.warn({ code, file, line }, message)
    try {
      const source = { path: files[0] === undefined ? null : resolve(files[0]), watch }
      return await serve(config, source, log, takeover)
    } finally {
      await log.close()
    }
  })
}

/** @throws UsageError when neither a file nor options say what to do, or both do */
function load(files: readonly string[], flags: Parameters<typeof configFromFlags>[0]): Loaded {
  const [file] = files
  const given = Object.entries(flags).filter(([, value]) => value !== undefined)
  if (files.length > 1) throw new UsageError('name one file; for several, name the folder they are in')
  if (file === undefined && given.length === 0)
    throw new UsageError('name a configuration file, or say --listen and --to')
  if (file === undefined) return configFromFlags(flags)
  if (given.length > 0) throw new UsageError(`--${given[0]![0]} and a configuration file do not go together`)
  return loadConfig(file)
}

/**
 * @param source path of the configuration, to be read again; null: there is none. And whether it is watched in any case
 * @param takeover from another Weir, which serves until this one does; null: from none
 */
async function serve(
  config: Config,
  { path, watch }: { readonly path: string | null; readonly watch: boolean },
  processLog: ProcessLog,
  takeover: Takeover | null,
): Promise<number> {
  const { log } = processLog
  const supervision = new Supervision(process.env, log)
  log.info({ version, node: process.versions.node }, `weir ${version} starting`)
  let weir: Weir | null = null
  const release = handleSignals({
    log,
    stop: (signal) => {
      if (weir === null) process.exit(exitCodeOf(signal)) // still starting: there is nothing to finish
      void weir.stop()
    },
    reopen: () => {
      processLog.reopen()
      weir?.reopen()
    },
    reload: () => void (weir && reload(weir, supervision)),
    upgrade: () => void weir?.upgrade('SIGUSR2').catch(() => {}), // it has been logged
    exit: (code) => process.exit(code),
  })
  try {
    const prepared = prepareStart(config, log, path)
    const sockets = inheritedSockets(prepared.first.snapshot, takeover, log)
    weir = await startWeir({ version, ...prepared, watch, log, processLog, sockets, takeover, supervision })
    const { workers } = prepared.first
    log.info({ workers }, `weir ${version} is ready: ${workers} workers`)
    void supervision.ready(`weir ${version}, ${workers} workers`)
    return await weir.ended
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    for (const problem of error.problems) {
      log.fatal(problem)
      if (config.global.log.target !== 'stderr') process.stderr.write(`weir: ${problem}\n`)
    }
    await takeover?.failed(error.problems)
    return 1
  } finally {
    release()
    supervision.close()
    log.info('stopped')
  }
}

/** Listening sockets of the Weir before, else of the system's supervisor. */
function inheritedSockets(snapshot: Snapshot, takeover: Takeover | null, log: Logger): InheritedSockets {
  if (takeover !== null) return new InheritedSockets(takeover.handover)
  const { fds, unused } = takeActivated(snapshot.frontends, process.env)
  for (const each of unused) log.warn(`socket activation: no bind of the configuration is ${each}`)
  for (const bind of Object.keys(fds)) log.info({ bind }, `socket activation: ${bind} has its socket already`)
  return new InheritedSockets({ sockets: {}, activated: fds })
}

async function reload(weir: Weir, supervision: Supervision): Promise<void> {
  await supervision.reloading()
  const { ok, version: snapshot } = await weir.reloader.reload('SIGHUP')
  await supervision.ready(ok ? `configuration ${snapshot}` : 'the new configuration was refused: see the log')
}
