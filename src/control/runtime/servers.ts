// What can be done to one server: its admin state, its weight, its limit; a check at once; servers that come and go.
import { formatAddress, parseServerAddress } from '../../config/address.ts'
import type { AdminState } from '../../model/states.ts'
import { addedServer, type AddedServer } from './added-server.ts'
import { loadOf, whenEmpty, type Load } from './load.ts'
import { expectedOf, findBackend, findServer, RequestProblem, type FoundServer } from './problem.ts'
import { stamped, type Runtime } from './runtime.ts'
import { isSame, type Override } from './override.ts'
import type { Who } from './who.ts'

const MAX_WEIGHT = 65_535
const MAX_LIMIT = 1_000_000

/** What an operator is told of a server that he has done something to. */
export interface ServerAnswer extends Load {
  readonly backend: string
  readonly server: string
  readonly admin: AdminState
  readonly weight: number
  readonly maxConnections: number
}

/**
 * Ready: as the checks have it. Drain: no new clients, those that it has stay. Maint: nobody, and no checks.
 * @param wait ms to wait until it is empty; 0: not at all
 */
export async function setAdmin(
  runtime: Runtime,
  place: readonly [backend: string, server: string],
  { admin, wait = 0 }: { readonly admin: AdminState; readonly wait?: number },
  who: Who,
): Promise<ServerAnswer> {
  const found = findServer(runtime.view.snapshot, ...place)
  const [backend, server] = place
  const before = adminOf(runtime, found)
  if (admin === 'ready') {
    runtime.unmark((each) => each.field === 'admin' && each.backend === backend && each.server === server)
    runtime.operator.balance.setAdmin(found.server.slot, 'ready') // which forgives it what live traffic has against it
  } else runtime.mark([{ field: 'admin', backend, server, value: admin, configured: 'ready' }], who)
  const fields = { backend, server, from: before, to: admin }
  runtime.report(who, `server ${backend}/${server} ${before} -> ${admin}`, fields)
  if (admin !== 'ready' && wait > 0) await whenEmpty(runtime.operator, found, wait)
  return answerOf(runtime, found, admin)
}

/** @param written a whole number, or percent of the configured weight: '50%' */
export async function setWeight(
  runtime: Runtime,
  place: readonly [backend: string, server: string],
  written: unknown,
  who: Who,
): Promise<ServerAnswer> {
  const found = findServer(runtime.view.snapshot, ...place)
  const [backend, server] = place
  const { weight: configured } = runtime.configured(backend, server)
  const value = weightOf(written, configured)
  const before = Atomics.load(runtime.view.board.shared.server.weight, found.server.slot)
  runtime.mark([{ field: 'weight', backend, server, value, configured }], who)
  runtime.report(who, `server ${backend}/${server} weight ${before} -> ${value}`, {
    backend,
    server,
    from: before,
    to: value,
  })
  return answerOf(runtime, found)
}

function weightOf(written: unknown, configured: number): number {
  const percent = typeof written === 'string' ? /^(\d{1,5}(?:\.\d+)?)%$/.exec(written)?.[1] : undefined
  const number =
    percent === undefined
      ? typeof written === 'string' && /^\d{1,9}$/.test(written)
        ? Number(written)
        : written
      : Math.round((configured * Number(percent)) / 100)
  if (typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= MAX_WEIGHT) return number
  const expected = `a whole number from 0 to ${MAX_WEIGHT}, or percent of the configured weight (${configured}), such as 50%`
  throw new RequestProblem(422, `${JSON.stringify(written)} is no weight`, expected)
}

/** @param written 0: any number */
export async function setMaxConnections(
  runtime: Runtime,
  place: readonly [backend: string, server: string],
  written: unknown,
  who: Who,
): Promise<ServerAnswer> {
  findServer(runtime.view.snapshot, ...place)
  const [backend, server] = place
  const value = typeof written === 'string' && /^\d{1,7}$/.test(written) ? Number(written) : written
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > MAX_LIMIT)
    throw new RequestProblem(
      422,
      `${JSON.stringify(written)} is no limit`,
      `a whole number up to ${MAX_LIMIT}, 0: none`,
    )
  const { maxConnections: configured } = runtime.configured(backend, server)
  const difference = { field: 'max_connections', backend, server, value, configured } as const
  const others = (list: readonly Override[]): Override[] => list.filter((each) => !isSame(difference, each))
  await runtime.restructure(
    (list) => (value === configured ? others(list) : [...others(list), stamped(difference, who)]),
    who,
  )
  return answerOf(runtime, findServer(runtime.view.snapshot, ...place))
}

/** @param name '' for its address */
export async function addServer(
  runtime: Runtime,
  [backendName, name]: readonly [backend: string, server: string],
  wish: AddedServer,
  who: Who,
): Promise<ServerAnswer> {
  const { servers } = findBackend(runtime.view.snapshot, backendName)
  const configured = runtime.file.backends.find((each) => each.name === backendName)
  if (configured === undefined)
    throw new RequestProblem(409, `the configuration has no backend ${backendName} any more`)
  const made = addedServer(configured, name, wish) // says what is wrong with the address
  weightOf(made.weight, made.weight)
  const address = formatAddress(made)
  const server = name === '' ? address : name
  if (server !== address && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(server))
    throw new RequestProblem(422, `"${server}" is no name`, 'letters, digits, ".", "_" and "-", at most 64')
  const taken = servers.find((each) => each.name === server || formatAddress(each) === address)
  if (taken !== undefined)
    throw new RequestProblem(409, `${backendName}/${taken.name} is there already, at ${formatAddress(taken)}`)
  // One that the file has, and that had been removed, is back as it was.
  const written = configured.servers.find((each) => each.name === server)
  const back = written !== undefined && formatAddress(written) === address
  if (written !== undefined && !back)
    throw new RequestProblem(
      409,
      `the configuration has another ${backendName}/${server}, at ${formatAddress(written)}`,
    )
  await runtime.restructure((list) => {
    const others = list.filter((each) => !isAbout(each, backendName, server))
    const added = { field: 'added', backend: backendName, server, value: wish, configured: null } as const
    return back ? others : [...others, stamped(added, who)]
  }, who)
  return answerOf(runtime, findServer(runtime.view.snapshot, backendName, server))
}

const isAbout = (each: Override, backend: string, server: string): boolean =>
  'server' in each && each.backend === backend && each.server === server

/**
 * Drains it first, for at most `wait` ms; what is then still in flight may finish.
 * @returns what was left on it when it was taken out
 */
export async function removeServer(
  runtime: Runtime,
  place: readonly [backend: string, server: string],
  wait: number,
  who: Who,
): Promise<Load> {
  const found = findServer(runtime.view.snapshot, ...place)
  const [backend, server] = place
  if (found.backend.servers.length === 1)
    throw new RequestProblem(
      409,
      `${backend}/${server} is the last server of ${backend}`,
      'another one to be added first',
    )
  const written = runtime.file.backends
    .find((each) => each.name === backend)
    ?.servers.find((each) => each.name === server)
  return runtime.whileLeaving(found.server.slot, async () => {
    const last = await whenEmpty(runtime.operator, found, wait)
    await runtime.restructure((list) => {
      const others = list.filter((each) => !isAbout(each, backend, server))
      if (written === undefined) return others
      const configured = formatAddress(written)
      return [...others, stamped({ field: 'removed', backend, server, value: true, configured }, who)]
    }, who)
    return last
  })
}

export async function checkServer(runtime: Runtime, place: readonly [backend: string, server: string]) {
  const { server } = findServer(runtime.view.snapshot, ...place)
  const { checkNow } = runtime.operator
  if (checkNow === null) throw new RequestProblem(501, 'this Weir cannot check at once')
  const health = await checkNow(server.slot)
  if (health === null) throw new RequestProblem(409, `the servers of ${place[0]} are not checked (health_check: off)`)
  const { state, lastResult, lastDuration } = health
  return { backend: place[0], server: place[1], state, lastResult, lastDuration }
}

function adminOf({ view }: Runtime, { server }: FoundServer): AdminState {
  return (['ready', 'drain', 'maint'] as const)[Atomics.load(view.board.shared.server.admin, server.slot)]!
}

export function answerOf(runtime: Runtime, found: FoundServer, admin = adminOf(runtime, found)): ServerAnswer {
  const { backend, server } = found
  return {
    backend: backend.name,
    server: server.name,
    admin,
    weight: Atomics.load(runtime.view.board.shared.server.weight, server.slot),
    maxConnections: server.maxConnections,
    ...loadOf(runtime.operator, found),
  }
}

/** @throws RequestProblem for text that is none */
export function requireAddress(written: unknown): string {
  const parsed = typeof written === 'string' ? parseServerAddress(written) : { expected: expectedOf([]) }
  if (typeof written === 'string' && !('expected' in parsed)) return written
  const expected = 'an address with a port, such as 10.0.0.1:8080'
  throw new RequestProblem(422, `${JSON.stringify(written) ?? 'nothing'} is no address of a server`, expected)
}
