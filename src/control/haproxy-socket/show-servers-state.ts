// `show servers state`: one line for each server, version 1 of HAProxy's format (management guide, section 9.3). The numbers
// of backends and servers are their places, which is all that scripts need them for.
import { ADMIN_DRAIN, ADMIN_MAINT, HEALTH_UP } from '../../model/states.ts'
import type { BackendSpec, ServerSpec } from '../../messages/snapshot.ts'
import { RequestProblem } from '../runtime/problem.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { idOf } from './ids.ts'

const header =
  'be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight ' +
  'srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state ' +
  'bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr ' +
  'srv_agent_port'

/** Bits of the admin state, and numbers of the others, as HAProxy has them. */
const FORCED_MAINT = 1
const FORCED_DRAIN = 8
const RUNNING = 2
const STOPPED = 0
const CHECK = { unknown: 0, failed: 2, passed: 3 } as const
const CHECKS_ENABLED = 6

/** @param only name of a backend; null: all of them */
export function showServersState(runtime: Runtime, only: string | null): string {
  const { backends } = runtime.view.snapshot
  const shown = only === null ? backends : backends.filter(({ name }) => name === only)
  if (only !== null && shown.length === 0) throw new RequestProblem(404, "can't find backend")
  const lines = shown.flatMap((backend) => backend.servers.map((server, i) => line(runtime, backend, server, i)))
  return `1\n# ${header}\n${lines.join('')}`
}

function line(runtime: Runtime, backend: BackendSpec, { slot, name, host, port, tls }: ServerSpec, i: number): string {
  const { view } = runtime
  const { admin, health, weight } = view.board.shared.server
  const { since, lastResult } = view.health(slot)
  const up = health[slot] === HEALTH_UP
  const forced = admin[slot] === ADMIN_MAINT ? FORCED_MAINT : admin[slot] === ADMIN_DRAIN ? FORCED_DRAIN : 0
  const fields = [
    idOf(view, backend),
    backend.name,
    i + 1,
    name,
    host ?? 'unix',
    up && forced !== FORCED_MAINT ? RUNNING : STOPPED,
    forced,
    weight[slot]!,
    runtime.configured(backend.name, name).weight,
    Math.max(0, Math.floor((Date.now() - since) / 1000)),
    lastResult === null ? 1 : up ? 6 : 8,
    lastResult === null ? CHECK.unknown : up ? CHECK.passed : CHECK.failed,
    up ? 3 : 0,
    lastResult === null ? 0 : CHECKS_ENABLED,
    0,
    0,
    0,
    '-',
    port,
    '-',
    tls === null ? 0 : 1,
    0,
    '-',
    '-',
    0,
  ]
  return `${fields.join(' ')}\n`
}
