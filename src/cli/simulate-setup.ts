// From options, a backend of the configuration, a scenario and perhaps a recording to what is simulated. No file is read
// here: who reads them hands over what was in them.
import { balancers } from '../balance/balancers.ts'
import { plainRules } from '../balance/pool.ts'
import type { BackendConfig } from '../config/config.ts'
import { formatDuration } from '../config/quantities.ts'
import { suggestion } from '../config/nearest.ts'
import { balancerNames, defaultBalanceOptions, type BalancerName } from '../model/balancers.ts'
import { ms } from '../model/units.ts'
import type { Recorded } from '../simulate/access-log.ts'
import type { ReplayCheck } from '../simulate/replay-check.ts'
import { faster, recordingOf } from '../simulate/replay.ts'
import { equalServers } from '../simulate/scenarios.ts'
import { setupOf } from '../simulate/simulation.ts'
import type { Fault, Scenario, Setup, SimulatedServer } from '../simulate/types.ts'
import { add, capacities, fitted, remove, withCores, type Farm } from '../simulate/what-if.ts'
import { assertedAlgorithms, type Options } from './simulate-options.ts'
import type { Subject } from './simulate-subject.ts'
import { UsageError } from './usage.ts'

/** A recorded run and how its servers are taken to have been. */
export interface Replay {
  readonly recorded: Recorded
  readonly model: ReplayCheck['model']
}

export interface Plan {
  readonly setup: Omit<Setup, 'algorithm'>
  /** The first is the subject. */
  readonly algorithms: readonly Setup['algorithm'][]
  /** For the report: what was set. */
  readonly settings: Readonly<Record<string, string>>
  /** Servers that something happens to. */
  readonly marked: readonly string[]
}

/** Slots of time in a plot. */
const SLOTS = 150

/** The servers of a backend, each with four cores. */
export const serversOf = ({ servers }: BackendConfig): SimulatedServer[] =>
  servers.map(({ name, weight, tier, zone }) => ({ ...equalServers(1)[0]!, name, weight, tier, zone }))

/**
 * @param scenario its servers: null, a model for any number of servers, or with `own` exactly those
 * @throws UsageError when a server is not there that should go, or there already
 */
export function planOf(
  options: Options,
  subject: Subject | null,
  { scenario, own }: { scenario: Scenario; own: boolean },
  replay: Replay | null,
): Plan {
  const before = farmOf(subject, scenario, own, replay)
  const cored = options.cores === null || replay !== null ? before : withCores(before, options.cores)
  const after = changed(cored, options)
  const rules = subject === null ? plainRules : { ...subject.backend.pool, zone: subject.zone, instance: 1 }
  const base = setupOf(scenario, 'adaptive')
  const recording = replay === null ? null : faster(recordingOf(replay.recorded, replay.model), options.rate)
  const length = recording === null ? base.duration : (recording.arrivals.at(-1) ?? 0) + 1
  const warmup = options.warmup ?? (recording === null ? base.warmup : 0)
  const duration = options.duration ?? (recording === null ? base.duration : Math.max(1, length - warmup))
  // Servers that wait, as backups do, are no capacity; and what is asked for is a load on the servers before any change.
  const [was, is] = [capacities(cored, rules, duration), capacities(after, rules, duration)]
  const setup = {
    ...base,
    ...after,
    rules,
    slowStart: subject?.backend.slowStart ?? 0,
    ejection: options.ejection ?? null,
    retries: options.retries,
    load: is.all > 0 ? (options.load * options.rate * was.serving) / is.all : 0,
    instances: options.instances,
    seed: options.seed,
    warmup,
    duration,
    network: recording === null ? base.network : 0, // what was recorded has it in it
    timeout:
      options.timeout ?? (recording === null ? base.timeout : (subject?.backend.timeouts.serverResponse ?? 60_000)),
    threshold: options.threshold,
    recording,
    bucket: options.plot === null ? 0 : duration / SLOTS,
  }
  if (setup.servers.length === 0) throw new UsageError('no server is left')
  const load = is.serving > 0 ? (options.load * options.rate * was.serving) / is.serving : Infinity
  return {
    setup,
    algorithms: algorithmsOf(options, subject),
    settings: settingsOf(setup, options, load),
    marked: [
      ...new Set(setup.faults.flatMap(({ servers }) => (servers.length < setup.servers.length ? servers : []))),
    ].map((index) => setup.servers[index]!.name),
  }
}

function farmOf(subject: Subject | null, scenario: Scenario, own: boolean, replay: Replay | null): Farm {
  const faults: readonly Fault[] = scenario.faults
  if (own) return { servers: scenario.servers!, faults }
  const configured = subject === null ? null : serversOf(subject.backend)
  const model: Farm = { servers: scenario.servers ?? equalServers(8), faults }
  if (replay === null) return configured === null ? model : fitted(model, configured)
  const { recorded, model: recordedModel } = replay
  const known = configured ?? recorded.servers.map((name) => ({ ...equalServers(1)[0]!, name }))
  const laid = fitted({ servers: equalServers(8), faults }, known)
  return { ...laid, servers: laid.servers.map((server) => asRecorded(server, recorded, recordedModel)) }
}

function asRecorded(server: SimulatedServer, { servers }: Recorded, model: ReplayCheck['model']): SimulatedServer {
  return { ...server, cores: model.cores, speed: model.speeds[servers.indexOf(server.name)] ?? 1 }
}

/** @throws UsageError */
function changed(farm: Farm, options: Options): Farm {
  let now = farm
  for (const name of options.remove) {
    const names = now.servers.map((server) => server.name)
    const less = remove(now, name)
    if (less === null) throw new UsageError(`--remove: there is no server "${name}"${suggestion(name, names)}`)
    now = less
  }
  for (const name of options.add) {
    const more = add(now, name)
    if (more === null) throw new UsageError(`--add: there is a server "${name}" already`)
    now = more
  }
  return now
}

/** The configured one with its options; then the others, or those that were asked for, and those that assertions name. */
function algorithmsOf(options: Options, subject: Subject | null): Setup['algorithm'][] {
  const builtIn = (name: BalancerName): Setup['algorithm'] => ({
    name,
    algorithm: balancers[name],
    options: defaultBalanceOptions,
  })
  // With made-up keys `source` is `hash` under another name.
  const wanted = options.algorithms ?? balancerNames.filter((name) => name !== 'source')
  const names = new Set([...wanted, ...(assertedAlgorithms(options.assertions) as BalancerName[])])
  if (subject === null) {
    const first = options.algorithms?.[0] ?? 'adaptive'
    return [...new Set([first, ...names])].map(builtIn)
  }
  const { algorithm: name, options: settings } = subject.backend.balance
  const others = [...names].filter((each) => each !== name)
  return [{ name, algorithm: subject.algorithm, options: settings }, ...others.map(builtIn)]
}

function settingsOf(setup: Omit<Setup, 'algorithm'>, options: Options, load: number): Record<string, string> {
  const percent = (share: number): string => `${Number((share * 100).toFixed(1))} %`
  const time = (span: number): string =>
    span < 1000 ? `${Number(span.toFixed(1))}ms` : formatDuration(ms(Math.round(span)))
  const { recording, instances, seed, warmup, duration, servers, ejection, retries } = setup
  const { rate } = options
  const wanted = percent(options.load)
  return {
    servers: String(servers.length),
    ...(options.remove.length > 0 ? { without: options.remove.join(', ') } : {}),
    ...(options.add.length > 0 ? { with: options.add.join(', ') } : {}),
    ...(rate === 1 ? {} : { rate: `x${rate}` }),
    ...(recording === null ? { load: percent(load) === wanted ? wanted : `${wanted}, now ${percent(load)}` } : {}),
    ...(ejection === null ? {} : { ejection: `${ejection.failures},${time(ejection.time)},${ejection.max}%` }),
    ...(retries === 0 ? {} : { retries: String(retries) }),
    instances: String(instances),
    seed: String(seed),
    time: warmup > 0 ? `${time(duration)} after ${time(warmup)}` : time(duration),
  }
}
