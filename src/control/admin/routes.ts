// The routes of the control socket, version 1: what can be asked and done. Every answer is JSON; what cannot be done is
// {error, expected, nearest} with 404, 409, 422 or 501. Names in a path are percent-encoded.
//
//   GET  /v1/status                          the whole state (status.ts)
//   GET  /v1/servers/B/S                     what is on one server
//   GET  /v1/sessions, /v1/connections, /v1/errors, /v1/config, /v1/drift
//   POST /v1/reload, /v1/plan, /v1/apply, /v1/confirm, /v1/upgrade
//   POST /v1/servers/B/S/ACTION              drain, maint, ready, weight, max_connections, check, add, remove
//   POST /v1/backends/B/ACTION               drain, maint, ready, health_check
//   POST /v1/frontends/F/ACTION              pause, resume
//   POST /v1/connections/kill, /v1/counters/clear, /v1/drift/clear
//   POST /v1/workers/N/kill, /v1/workers/N/recycle, /v1/workers/recycle
//   /v1/certificates and what is below it    certificate-routes.ts
//
// A route reads its arguments and calls the action; what an action does is control/runtime.
import { parseDuration } from '../../config/quantities.ts'
import { ms, type Millis } from '../../model/units.ts'
import { clearDrift, readDrift } from '../runtime/drift.ts'
import { findServer, RequestProblem } from '../runtime/problem.ts'
import { withoutSecrets } from '../runtime/redact.ts'
import { setHealthCheck } from '../runtime/health-check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import {
  addServer,
  answerOf,
  checkServer,
  removeServer,
  requireAddress,
  setAdmin,
  setMaxConnections,
  setWeight,
} from '../runtime/servers.ts'
import { killConnections, pauseFrontend, setBackendAdmin, showConnections, showSessions } from '../runtime/traffic.ts'
import type { Who } from '../runtime/who.ts'
import type { Baseline } from './baseline.ts'
import { certificateRoutes } from './certificate-routes.ts'
import { countReasons, showErrors } from './errors.ts'
import { json, jsonError, type Answer, type Call, type OnError, type Route } from './http.ts'
import { get, post } from './route.ts'
import { readStatus } from './status.ts'

const MAX_WAIT = ms(3_600_000)
/** How long a server that is to be removed is drained, unless said. */
const REMOVE_WAIT = ms(10_000)

export const onError: OnError = (error) => {
  if (error instanceof RequestProblem) return jsonError(error.status, error.message, error.expected, error.nearest)
  if (error instanceof URIError) return jsonError(400, 'the path is not percent-encoded as it should be')
  return jsonError(500, error instanceof Error ? error.message : String(error))
}

/** @param baseline what `counters clear` has cleared */
export function routesOf(runtime: Runtime, baseline: Baseline): readonly Route[] {
  return [
    ...reading(runtime, baseline),
    ...configuring(runtime),
    ...acting(runtime, baseline),
    ...certificateRoutes(runtime),
  ]
}

function reading(runtime: Runtime, baseline: Baseline): readonly Route[] {
  return [
    get(/^\/v1\/status$/, () => baseline.since(readStatus(runtime.view))),
    get(/^\/v1\/servers\/([^/]+)\/([^/]+)$/, ({ groups: [backend, server] }) => {
      return answerOf(runtime, findServer(runtime.view.snapshot, backend!, server!))
    }),
    get(/^\/v1\/sessions$/, () => ({ sessions: showSessions(runtime) })),
    get(/^\/v1\/connections$/, ({ query }) => showConnections(runtime, wishOf(Object.fromEntries(query)))),
    get(/^\/v1\/errors$/, () => showErrors(runtime, baseline)),
    get(/^\/v1\/config$/, () => withoutSecrets(runtime.operator.reloader.config)),
    get(/^\/v1\/drift$/, () => readDrift(runtime)),
  ]
}

function configuring(runtime: Runtime): readonly Route[] {
  const { reloader } = runtime.operator
  /** 422: the configuration is bad; 200: it is good, whatever it changes. */
  const outcome = (done: Awaited<ReturnType<typeof reloader.reload>>): Answer => json(done.ok ? 200 : 422, done)
  return [
    post(/^\/v1\/reload$/, async (_, who) => outcome(await reloader.reload(who.text))),
    post(/^\/v1\/plan$/, async ({ body }) => outcome(await reloader.plan(requirePath(body)))),
    post(/^\/v1\/apply$/, async ({ body }, who) => {
      const confirm = body.confirm === undefined || body.confirm === null ? null : span(body.confirm, 'confirm')
      return outcome(await reloader.apply(requirePath(body), confirm, who.text))
    }),
    post(/^\/v1\/confirm$/, (_, who) => {
      if (!reloader.confirm(who.text)) throw new RequestProblem(409, 'nothing waits for a confirmation')
      return { confirmed: true }
    }),
    post(/^\/v1\/upgrade$/, (_, who) => {
      const { upgrade } = runtime.operator
      if (upgrade === null) throw new RequestProblem(501, 'this Weir cannot be upgraded while it runs')
      return upgrade(who.text)
    }),
  ]
}

function acting(runtime: Runtime, baseline: Baseline): readonly Route[] {
  const server = (action: string) => new RegExp(`^/v1/servers/([^/]+)/([^/]+)/${action}$`)
  const place = ({ groups }: Call): readonly [string, string] => [groups[0]!, groups[1]!]
  return [
    ...(['ready', 'drain', 'maint'] as const).flatMap((admin) => [
      post(server(admin), (call, who) => setAdmin(runtime, place(call), { admin, wait: waitOf(call.body, 0) }, who)),
      post(new RegExp(`^/v1/backends/([^/]+)/${admin}$`), ({ groups, body }, who) =>
        setBackendAdmin(runtime, groups[0]!, { admin, wait: waitOf(body, 0) }, who),
      ),
    ]),
    post(server('weight'), (call, who) => setWeight(runtime, place(call), call.body.weight, who)),
    post(server('max_connections'), (call, who) =>
      setMaxConnections(runtime, place(call), call.body.max_connections, who),
    ),
    post(server('check'), (call) => checkServer(runtime, place(call))),
    post(server('add'), (call, who) => addServer(runtime, place(call), addedOf(call.body), who)),
    post(server('remove'), (call, who) => removeServer(runtime, place(call), waitOf(call.body, REMOVE_WAIT), who)),
    post(/^\/v1\/backends\/([^/]+)\/health_check$/, ({ groups, body }, who) =>
      setHealthCheck(runtime, groups[0]!, body, who),
    ),
    post(/^\/v1\/frontends\/([^/]+)\/(pause|resume)$/, ({ groups: [frontend, word] }, who) =>
      pauseFrontend(runtime, frontend!, word === 'pause', who),
    ),
    post(/^\/v1\/connections\/kill$/, ({ body }, who) => killConnections(runtime, wishOf(body), who)),
    post(/^\/v1\/counters\/clear$/, (_, who) => {
      baseline.clear(readStatus(runtime.view), countReasons(runtime.view))
      runtime.report(who, 'counters cleared (metrics go on)', {})
      return { cleared: true }
    }),
    post(/^\/v1\/drift\/clear$/, async ({ body }, who) => {
      const target = typeof body.target === 'string' ? body.target : null
      return { cleared: await clearDrift(runtime, target, who) }
    }),
    ...ofWorkers(runtime),
  ]
}

function ofWorkers(runtime: Runtime): readonly Route[] {
  const { kill, recycle } = runtime.operator
  const renew = async (worker: number | null, who: Who) => {
    if (recycle === null) throw new RequestProblem(501, 'this Weir cannot recycle its workers')
    const recycled = await recycle(worker)
    runtime.report(who, worker === null ? `all ${recycled} workers recycled` : `worker ${worker} recycled`, {
      recycled,
    })
    return { recycled }
  }
  return [
    post(/^\/v1\/workers\/(\d{1,4})\/kill$/, ({ groups }, who) => {
      const worker = Number(groups[0])
      if (!kill(worker)) throw noWorker(runtime, worker)
      runtime.report(who, `worker ${worker} killed`, { worker })
      return json(202, { killed: worker })
    }),
    post(/^\/v1\/workers\/(\d{1,4})\/recycle$/, ({ groups }, who) => {
      const worker = Number(groups[0])
      if (!runtime.view.workers().some((each) => each.worker === worker)) throw noWorker(runtime, worker)
      return renew(worker, who)
    }),
    post(/^\/v1\/workers\/recycle$/, (_, who) => renew(null, who)),
  ]
}

const noWorker = ({ view }: Runtime, worker: number): RequestProblem =>
  new RequestProblem(404, `there is no worker ${worker}`, `0 to ${view.workers().length - 1}`)

function wishOf(fields: Readonly<Record<string, unknown>>) {
  const known = ['frontend', 'server', 'from'] as const
  const wish: { -readonly [K in (typeof known)[number]]?: string } = {}
  for (const [name, value] of Object.entries(fields)) {
    const key = known.find((each) => each === name)
    if (key === undefined || typeof value !== 'string')
      throw new RequestProblem(422, `connections are not told by ${name}`, `one of ${known.join(', ')}, each a text`)
    wish[key] = value
  }
  return wish
}

function addedOf(body: Readonly<Record<string, unknown>>) {
  const { weight, max_connections: limit, tier, zone } = body
  const whole = (name: string, value: unknown): number | undefined => {
    if (value === undefined || (typeof value === 'number' && Number.isInteger(value) && value >= 0)) return value
    throw new RequestProblem(422, `${name} is ${JSON.stringify(value)}`, 'a whole number, 0 or more')
  }
  return {
    address: requireAddress(body.address),
    ...present('weight', whole('weight', weight)),
    ...present('max_connections', whole('max_connections', limit)),
    ...present('tier', whole('tier', tier)),
    ...present('zone', typeof zone === 'string' ? zone : undefined),
  }
}

const present = <K extends string, T>(name: K, value: T | undefined): { readonly [P in K]?: T } =>
  (value === undefined ? {} : { [name]: value }) as { readonly [P in K]?: T }

function requirePath({ path }: Readonly<Record<string, unknown>>): string {
  if (typeof path === 'string' && path.startsWith('/')) return path
  throw new RequestProblem(422, 'which file?', '"path": the absolute path of a configuration')
}

const waitOf = ({ wait }: Readonly<Record<string, unknown>>, otherwise: number): number =>
  wait === undefined ? otherwise : span(wait, 'wait')

/** Milliseconds as a number, or a duration as text: 60000 or '60s'. */
function span(written: unknown, name: string): Millis {
  const parsed = typeof written === 'string' ? parseDuration(written) : written
  if (typeof parsed === 'number' && parsed >= 0 && parsed <= MAX_WAIT) return ms(parsed)
  throw new RequestProblem(422, `${name} is ${JSON.stringify(written)}`, 'a span of time up to 1h, such as "60s"')
}
