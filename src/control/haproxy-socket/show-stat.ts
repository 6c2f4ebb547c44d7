// `show stat`: the counters as CSV, with the names and the order of HAProxy's columns (management guide, section 9.1), so that
// what reads it by name or by place finds what it looks for. A cell is empty where Weir does not count that: a collector
// leaves it out, which is better than a zero that is none. Counters never go back here, whatever is cleared elsewhere: who
// collects them takes differences.
import { ADMIN_DRAIN, ADMIN_MAINT, HEALTH_CHECKING, HEALTH_UP } from '../../model/states.ts'
import type { BackendSpec, FrontendSpec, ServerSpec } from '../../messages/snapshot.ts'
import { total, type Row } from '../../scoreboard/scoreboard.ts'
import { readStatus, type BackendStatus, type FrontendStatus, type ServerStatus } from '../admin/status.ts'
import type { View } from '../view.ts'
import { idOf } from './ids.ts'

const columns = (
  'pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight,act,bck,' +
  'chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,type,rate,rate_lim,rate_max,check_status,' +
  'check_code,check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,req_rate,req_rate_max,' +
  'req_tot,cli_abrt,srv_abrt,comp_in,comp_out,comp_byp,comp_rsp,lastsess,last_chk,last_agt,qtime,ctime,rtime,ttime,' +
  'agent_status,agent_code,agent_duration,check_desc,agent_desc,check_rise,check_fall,check_health,agent_rise,' +
  'agent_fall,agent_health,addr,cookie,mode,algo,conn_rate,conn_rate_max,conn_tot,intercepted,dcon,dses,wrew,connect,' +
  'reuse,cache_lookups,cache_hits,srv_icur,src_ilim,qtime_max,ctime_max,rtime_max,ttime_max,eint,idle_conn_cur,' +
  'safe_conn_cur,used_conn_cur,need_conn_est,uweight'
).split(',')

type Cells = Readonly<Record<string, string | number | null>>

/** Kinds of lines, as HAProxy numbers them; a filter is the sum of 1 << type. */
const FRONTEND = 0
const BACKEND = 1
const SERVER = 2

/** @param args nothing, or `<proxy name or id, -1: all> <sum of types, -1: all> <server id, -1: all>` */
export function showStat(view: View, args: readonly string[]): string {
  const [proxy = '-1', types = '-1', server = '-1'] = args
  const wanted = ({ pxname, iid, type, sid }: Cells): boolean =>
    (proxy === '-1' || proxy === pxname || proxy === String(iid)) &&
    (types === '-1' || (Number(types) & (1 << Number(type))) !== 0) &&
    (server === '-1' || server === String(sid))
  const lines = allCells(view).filter(wanted).map(line)
  return `# ${columns.join(',')},\n${lines.join('')}`
}

const line = (cells: Cells): string => `${columns.map((name) => quoted(cells[name] ?? '')).join(',')},\n`

const quoted = (cell: string | number): string =>
  typeof cell === 'string' && /[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : String(cell)

function allCells(view: View): Cells[] {
  const status = readStatus(view)
  const { frontends, backends } = view.snapshot
  return [
    ...frontends.map((spec, i) => frontendCells(view, spec, status.frontends[i]!)),
    ...backends.flatMap((spec, i) => {
      const shown = status.backends[i]!
      const servers = spec.servers.map((server, n) => serverCells(view, spec, { server, n, shown: shown.servers[n]! }))
      return [...servers, backendCells(view, spec, shown)]
    }),
  ]
}

const common = { pid: 1 }

function frontendCells(view: View, spec: FrontendSpec, shown: FrontendStatus): Cells {
  const { slot, name, mode, maxConnections } = spec
  return {
    ...common,
    pxname: name,
    svname: 'FRONTEND',
    scur: shown.connections,
    slim: maxConnections,
    stot: shown.connectionsTotal,
    bin: shown.bytesIn,
    bout: shown.bytesOut,
    status: shown.paused ? 'STOP' : 'OPEN',
    iid: idOf(view, spec),
    sid: 0,
    type: FRONTEND,
    mode,
    req_tot: mode === 'http' ? shown.requests : null,
    conn_tot: shown.connectionsTotal,
    ...(mode === 'http' ? statuses(view, ({ counters }) => counters.frontend, slot) : {}),
  }
}

function backendCells(view: View, spec: BackendSpec, shown: BackendStatus): Cells {
  const { slot, name, mode, servers, maxConnections, queue } = spec
  const sum = (read: (row: Row['counters']['backend']) => Float64Array): number =>
    total(view.board, (row) => read(row.counters.backend), slot)
  const serving = shown.servers.filter(({ admin, state }) => admin === 'ready' && state === 'up')
  return {
    ...common,
    pxname: name,
    svname: 'BACKEND',
    qcur: shown.queued,
    scur: shown.inflight,
    slim: maxConnections > 0 ? maxConnections : null,
    stot: shown.requests,
    bin: sum((counters) => counters.bytesIn),
    bout: sum((counters) => counters.bytesOut),
    econ: shown.servers.reduce((all, { errors }) => all + errors, 0),
    wredis: sum((counters) => counters.redispatches),
    status: serving.length > 0 ? 'UP' : 'DOWN',
    weight: serving.reduce((all, { weight }) => all + weight, 0),
    act: serving.filter(({ backup }) => !backup).length,
    bck: serving.filter(({ backup }) => backup).length,
    qlimit: queue.max,
    iid: idOf(view, spec),
    sid: 0,
    lbtot: shown.requests,
    type: BACKEND,
    req_tot: mode === 'http' ? shown.requests : null,
    mode,
    algo: shown.balance,
    connect: all(view, servers, ({ connects }) => connects),
    reuse: all(view, servers, ({ reuses }) => reuses),
    ...(mode === 'http' ? statuses(view, ({ counters }) => counters.backend, slot) : {}),
  }
}

const all = (view: View, servers: readonly ServerSpec[], read: (row: Row['counters']['server']) => Float64Array) =>
  servers.reduce((sum, { slot }) => sum + total(view.board, (row) => read(row.counters.server), slot), 0)

function serverCells(
  view: View,
  backend: BackendSpec,
  { server, n, shown }: { readonly server: ServerSpec; readonly n: number; readonly shown: ServerStatus },
): Cells {
  const { slot, name, maxConnections } = server
  const { admin, health, connections, ramp } = view.board.shared.server
  const sum = (read: (row: Row['counters']['server']) => Float64Array): number =>
    total(view.board, (row) => read(row.counters.server), slot)
  const answers = sum((counters) => counters.latencyCount)
  const { since, lastDuration, lastResult } = view.health(slot)
  const http = backend.mode === 'http'
  return {
    ...common,
    pxname: backend.name,
    svname: name,
    scur: shown.inflight,
    slim: maxConnections > 0 ? maxConnections : null,
    stot: shown.requests,
    bin: shown.bytesIn,
    bout: shown.bytesOut,
    econ: sum((counters) => counters.connectErrors),
    eresp: sum((counters) => counters.responseErrors),
    wretr: sum((counters) => counters.retries),
    status: stateText(admin[slot]!, health[slot]!, lastResult),
    weight: shown.weight,
    act: shown.backup ? 0 : 1,
    bck: shown.backup ? 1 : 0,
    lastchg: Math.max(0, Math.floor((Date.now() - since) / 1000)),
    iid: idOf(view, backend),
    sid: n + 1,
    throttle: ramp[slot]! > 0 ? ramp[slot]! : null,
    lbtot: shown.requests,
    type: SERVER,
    req_tot: http ? shown.requests : null,
    ...checkCells(lastResult, health[slot] === HEALTH_UP),
    check_duration: lastDuration === null ? null : Math.round(lastDuration),
    last_chk: lastResult,
    rtime: answers > 0 ? Math.round(sum((counters) => counters.latencySum) / answers) : null,
    addr: shown.address,
    mode: backend.mode,
    connect: sum((counters) => counters.connects),
    reuse: sum((counters) => counters.reuses),
    idle_conn_cur: Math.max(0, connections[slot]! - shown.inflight),
    used_conn_cur: shown.inflight,
    uweight: shown.weight,
    ...(http ? statuses(view, ({ counters }) => counters.server, slot) : {}),
  }
}

/** HAProxy's short words for the outcome of a check, from ours. */
function checkCells(result: string | null, passed: boolean): Cells {
  if (result === null) return {}
  const code = /^status (\d{3})/.exec(result)?.[1]
  if (code !== undefined) return { check_status: passed ? 'L7OK' : 'L7STS', check_code: code }
  return { check_status: passed ? 'L4OK' : result.startsWith('timeout') ? 'L4TOUT' : 'L4CON' }
}

/** The words that scripts look for: what the operator wants goes before what the checks see. */
function stateText(admin: number, health: number, lastResult: string | null): string {
  if (admin === ADMIN_MAINT) return 'MAINT'
  if (admin === ADMIN_DRAIN) return 'DRAIN'
  if (health === HEALTH_UP) return lastResult === null ? 'no check' : 'UP'
  return health === HEALTH_CHECKING ? 'no check' : 'DOWN'
}

const classes = ['status1xx', 'status2xx', 'status3xx', 'status4xx', 'status5xx'] as const
type Classes = Readonly<Record<(typeof classes)[number], Float64Array>>

function statuses(view: View, of: (row: Row) => Classes, slot: number): Cells {
  return Object.fromEntries(
    classes.map((name) => [`hrsp_${name.slice('status'.length)}`, total(view.board, (row) => of(row)[name], slot)]),
  )
}
