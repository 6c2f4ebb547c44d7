// The tools of Elastic Load Balancing that look and change nothing: which load balancers there are, and how their instances are.
import type { ServerStatus } from '../../control/admin/status.ts'
import { elbOptions, listOf, textOf, ToolError } from './arguments.ts'
import { farmOf, instanceOf, loadBalancer, loadBalancers, type LoadBalancer } from './load-balancers.ts'
import type { Tool, ToolCall } from './tool.ts'

/** The part of a usage text that all of them share. */
export const elbUsage = `
  --headers          names of the columns first
  --show-long        all columns, with commas between
  --show-xml         as XML
  --delimiter TEXT   between columns, in place of two spaces
  --quiet            prints nothing
  --socket PATH      of the Weir with this control socket; else WEIR_SOCKET says, else it is the one at the usual place
  -h, --help         this text

--force, --region, --url and the options of credentials (-I, -S, -K, -C, --aws-credential-file) are taken and do nothing.
A load balancer is a frontend, its instances are the servers of its default backend, by name or address.
Exit codes: 0 done, 1 not done.
`

export const describeLoadBalancers: Tool = {
  usage: `Usage: elb-describe-lbs [NAME ...]

Lists load balancers: name, the name that clients use, and since when.
${elbUsage}`,
  options: elbOptions,
  run: async (call) => {
    const names = call.words.flatMap(listOf)
    const found = names.length === 0 ? await loadBalancers(call) : await byNames(call, names)
    call.list({
      kind: 'LOAD_BALANCER',
      element: 'DescribeLoadBalancersResponse',
      columns: [
        { header: 'NAME', element: 'LoadBalancerName' },
        { header: 'DNS_NAME', element: 'DNSName' },
        { header: 'CREATED_TIME', element: 'CreatedTime' },
        { header: 'LISTENERS', element: 'Listeners', long: true },
        { header: 'INSTANCES', element: 'Instances', long: true },
      ],
      rows: found.map((each) => [each.name, each.dnsName, each.createdAt, listenersOf(each), instancesOf(each)]),
      empty: 'No LoadBalancers found',
    })
  },
}

async function byNames(call: ToolCall, names: readonly string[]): Promise<LoadBalancer[]> {
  const found: LoadBalancer[] = []
  for (const name of names) found.push(await loadBalancer(call, name))
  return found
}

const listenersOf = ({ frontend: { mode, binds } }: LoadBalancer): string =>
  binds
    .map(({ address, tls }) => {
      const protocol = mode === 'http' ? (tls ? 'HTTPS' : 'HTTP') : tls ? 'SSL' : 'TCP'
      return `{protocol=${protocol};lb-port=${/:(\d+)$/.exec(address)?.[1] ?? address}}`
    })
    .join('')

const instancesOf = ({ backend }: LoadBalancer): string => (backend?.servers ?? []).map(({ name }) => name).join(' ')

export const describeInstanceHealth: Tool = {
  usage: `Usage: elb-describe-instance-health LB [--instances ID,...]

Prints of each instance: its id, InService or OutOfService, why, and who says so.
${elbUsage}`,
  options: { ...elbOptions, lb: { type: 'string' }, instances: { type: 'string' } },
  run: async (call) => {
    const { backend } = await farmOf(call)
    const wanted = textOf(call, 'instances')
    const servers =
      wanted === null
        ? backend.servers
        : listOf(wanted).map((id) => {
            const server = instanceOf(backend, id)
            if (server === null)
              throw new ToolError(`Could not find EC2 instance ${id}: no server of ${backend.name} is called so`)
            return server
          })
    call.list({
      kind: 'INSTANCE_ID',
      element: 'DescribeInstanceHealthResponse',
      columns: [
        { header: 'INSTANCE_ID', element: 'InstanceId' },
        { header: 'STATE', element: 'State' },
        { header: 'DESCRIPTION', element: 'Description' },
        { header: 'REASON_CODE', element: 'ReasonCode' },
      ],
      rows: servers.map((server) => [server.name, ...healthOf(server)]),
      empty: 'No instances currently registered to LB',
    })
  },
}

/** State, description and reason code; the codes say whether the instance or its balancer is the cause. */
function healthOf({ state, admin, ejected, lastResult }: ServerStatus): readonly [string, string, string] {
  if (admin !== 'ready') return ['OutOfService', `Instance is in ${admin} by its operator.`, 'ELB']
  if (state === 'checking') return ['OutOfService', 'Instance registration is still in progress.', 'ELB']
  if (state === 'down') {
    const words = 'Instance has failed at least the UnhealthyThreshold number of health checks consecutively'
    return ['OutOfService', lastResult === null ? `${words}.` : `${words} (${lastResult}).`, 'Instance']
  }
  if (ejected) return ['OutOfService', 'Instance is ejected: its answers to live traffic fail.', 'Instance']
  return ['InService', 'N/A', 'N/A']
}
