// elb-configure-healthcheck: how the servers of a load balancer are checked, from now on and until `weir drift clear`. A target
// is HTTP:80/index.html, HTTPS:443/, TCP:80 or SSL:443; as with an ELB, only status 200 passes, and certificates of instances are
// not verified unless the traffic to them is.
import { elbOptions, numberOf, requiredText, ToolError } from './arguments.ts'
import { path } from '../control-command.ts'
import { elbUsage } from './describe.ts'
import { farmOf } from './load-balancers.ts'
import type { Tool } from './tool.ts'

/** What an ELB had where nothing was said; seconds, and checks in a row. */
const defaults = { interval: 30, timeout: 5, unhealthy: 2, healthy: 10 }

export const configureHealthCheck: Tool = {
  usage: `Usage: elb-configure-healthcheck LB --target TARGET [--interval S] [--timeout S]
                                 [--unhealthy-threshold N] [--healthy-threshold N]

Sets how the instances of a load balancer are checked: HTTP:80/index.html, HTTPS:443/, TCP:80, SSL:443.

  --interval S              seconds from one check to the next (30)
  --timeout S               seconds for one check, fewer than the interval (5)
  --unhealthy-threshold N   failed checks in a row that take an instance out (2)
  --healthy-threshold N     passed checks in a row that bring it back (10)
${elbUsage}`,
  options: {
    ...elbOptions,
    lb: { type: 'string' },
    target: { type: 'string', short: 't' },
    interval: { type: 'string', short: 'i' },
    timeout: { type: 'string' },
    'unhealthy-threshold': { type: 'string' },
    'healthy-threshold': { type: 'string' },
  },
  run: async (call) => {
    const target = requiredText(call, 'target')
    const check = checkOf(target)
    const interval = numberOf(call, 'interval', [1, 300]) ?? defaults.interval
    const timeout = numberOf(call, 'timeout', [1, 60]) ?? Math.min(defaults.timeout, interval)
    const fall = numberOf(call, 'unhealthy-threshold', [1, 10]) ?? defaults.unhealthy
    const rise = numberOf(call, 'healthy-threshold', [1, 10]) ?? defaults.healthy
    if (timeout >= interval && interval > 1) throw new ToolError('--timeout must be less than --interval')
    const { backend } = await farmOf(call)
    const body = { ...check, interval: interval * 1000, timeout: timeout * 1000, rise, fall }
    await call.ask({ method: 'POST', path: path`/v1/backends/${backend.name}/health_check`, body })
    call.list({
      kind: 'HEALTH_CHECK',
      element: 'ConfigureHealthCheckResponse',
      columns: [
        { header: 'TARGET', element: 'Target' },
        { header: 'INTERVAL', element: 'Interval' },
        { header: 'TIMEOUT', element: 'Timeout' },
        { header: 'HEALTHY_THRESHOLD', element: 'HealthyThreshold' },
        { header: 'UNHEALTHY_THRESHOLD', element: 'UnhealthyThreshold' },
      ],
      rows: [[target, ...[interval, timeout, rise, fall].map(String)]],
      empty: '',
    })
  },
}

/** 'HTTP:80/index.html' as control/runtime/health-check.ts takes it. @throws ToolError */
function checkOf(target: string) {
  const { 1: protocol = '', 2: port = '', 3: page = '' } = /^([A-Za-z]+):(\d{1,5})(\/[\x21-\x7e]*)?$/.exec(target) ?? []
  const word = protocol.toUpperCase()
  const isHttp = word === 'HTTP' || word === 'HTTPS'
  const known = isHttp || word === 'TCP' || word === 'SSL'
  if (!known || Number(port) < 1 || Number(port) > 65_535 || isHttp !== (page !== ''))
    throw new ToolError(
      `HealthCheck target "${target}" is none: expected HTTP:80/path, HTTPS:443/path, TCP:80 or SSL:443`,
    )
  return { path: isHttp ? page : null, tls: word === 'HTTPS' || word === 'SSL', port: Number(port) }
}
