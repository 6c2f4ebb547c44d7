// `show info`: the process, as lines of `Name: value`. Fields that mean nothing here are left out rather than guessed.
import { hostname } from 'node:os'
import { total } from '../../scoreboard/scoreboard.ts'
import { isDraining, type View } from '../view.ts'

export function showInfo(view: View): string {
  const { board, snapshot, version, startedAt } = view
  const uptime = Math.floor((Date.now() - startedAt) / 1000)
  const sum = (read: (row: View['board']['rows'][number]) => Float64Array): number =>
    snapshot.frontends.reduce((all, { slot }) => all + total(board, read, slot), 0)
  const tls = sum(({ counters }) => counters.frontend.handshakes)
  const binds = snapshot.frontends.reduce((all, frontend) => all + frontend.binds.length, 0)
  const fields: readonly (readonly [string, string | number])[] = [
    ['Name', 'Weir'],
    ['Version', version],
    ['Nbthread', view.workers().length],
    ['Nbproc', 1],
    ['Process_num', 1],
    ['Pid', process.pid],
    ['Uptime', uptimeText(uptime)],
    ['Uptime_sec', uptime],
    ['Maxconn', snapshot.maxConnections],
    ['Hard_maxconn', snapshot.maxConnections],
    ['CurrConns', board.shared.process.connections[0]!],
    ['CumConns', sum(({ counters }) => counters.frontend.connects)],
    ['CumReq', sum(({ counters }) => counters.frontend.requests)],
    ['CumSslConns', tls],
    ['Maxpipes', 0],
    ['PipesUsed', 0],
    ['PipesFree', 0],
    [
      'SslFrontendSessionReuse_pct',
      percent(
        sum(({ counters }) => counters.frontend.resumed),
        tls,
      ),
    ],
    ['node', hostname()],
    ['Stopping', isDraining(view) ? 1 : 0],
    ['Listeners', binds],
    ['TotalBytesOut', sum(({ counters }) => counters.frontend.bytesOut)],
    ['Start_time_sec', Math.floor(startedAt / 1000)],
  ]
  return fields.map(([name, value]) => `${name}: ${value}\n`).join('')
}

const percent = (part: number, of: number): number => (of === 0 ? 0 : Math.round((100 * part) / of))

/** '2d 3h07m09s' */
function uptimeText(seconds: number): string {
  const two = (n: number): string => String(n % 60).padStart(2, '0')
  const hours = Math.floor(seconds / 3600)
  return `${Math.floor(hours / 24)}d ${hours % 24}h${two(Math.floor(seconds / 60))}m${two(seconds)}s`
}
