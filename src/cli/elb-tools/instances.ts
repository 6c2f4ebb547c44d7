// The tools of Elastic Load Balancing that add instances and take them out. There is no EC2 to look an id up in: an id is the
// name of a server that Weir knows or has known, or it comes with its address, i-1=10.0.0.5:80, or it is an address.
import type { Drift } from '../../control/runtime/drift.ts'
import { parseServerAddress } from '../../config/address.ts'
import { elbOptions, listOf, requiredText, ToolError } from './arguments.ts'
import { path } from '../control-command.ts'
import { elbUsage } from './describe.ts'
import { farmOf, instanceOf } from './load-balancers.ts'
import type { Tool, ToolCall } from './tool.ts'

type Farm = Awaited<ReturnType<typeof farmOf>>['backend']

const options = { ...elbOptions, lb: { type: 'string' }, instances: { type: 'string' } } as const

export const registerInstances: Tool = {
  usage: `Usage: elb-register-instances-with-lb LB --instances ID[=ADDRESS],...

Adds servers: i-1=10.0.0.5:80 by name and address, 10.0.0.5:80 by address alone, i-1 one that had been taken out before. Without
a port it is that of the first server. Prints all instances that are registered then.
${elbUsage}`,
  options,
  run: async (call) => {
    const { backend } = await farmOf(call)
    const ids = idsIn(call)
    const steps = await Promise.all(ids.map((id) => stepFor(call, backend, id)))
    for (const step of steps) await step()
    await listInstances(call)
  },
}

export const deregisterInstances: Tool = {
  usage: `Usage: elb-deregister-instances-from-lb LB --instances ID,...

Drains servers and takes them out. Prints the instances that are left.
${elbUsage}`,
  options,
  run: async (call) => {
    const { backend } = await farmOf(call)
    const names = idsIn(call).map((id) => {
      const server = instanceOf(backend, id)
      if (server === null) throw noInstance(backend, id)
      return server.name
    })
    for (const name of names) await call.ask({ method: 'POST', path: path`/v1/servers/${backend.name}/${name}/remove` })
    await listInstances(call)
  },
}

/** @throws ToolError when there are none, or one twice */
function idsIn(call: ToolCall): readonly string[] {
  const ids = listOf(requiredText(call, 'instances'))
  if (ids.length === 0) throw new ToolError('--instances names none')
  if (new Set(ids).size < ids.length) throw new ToolError('--instances names one of them twice')
  return ids
}

/** What is to be done for one instance; all of them are looked at before anything is done. @throws ToolError */
async function stepFor(call: ToolCall, backend: Farm, id: string): Promise<() => Promise<unknown>> {
  const at = id.indexOf('=')
  const [name, written] = at < 0 ? [id, null] : [id.slice(0, at), id.slice(at + 1)]
  const post =
    (server: string, action: string, body = {}) =>
    () =>
      call.ask({ method: 'POST', path: path`/v1/servers/${backend.name}/${server}/${action}`, body })
  const known = instanceOf(backend, name)
  if (known !== null) {
    if (written !== null && known.address !== withPort(written, backend))
      throw new ToolError(`${name} is registered already, at ${known.address}`)
    return known.admin === 'ready' ? async () => {} : post(known.name, 'ready')
  }
  const address = written ?? (await addressOf(call, backend, name))
  if (address === null) throw noInstance(backend, name)
  const whole = withPort(address, backend)
  return post(at < 0 && address === name ? whole : name, 'add', { address: whole })
}

/** Of a server that was taken out before, or the id itself where it is an address; null: there is no telling. */
async function addressOf(call: ToolCall, backend: Farm, id: string): Promise<string | null> {
  const { overrides } = (await call.ask({ method: 'GET', path: '/v1/drift' })) as Drift
  for (const each of overrides) {
    if (each.field === 'removed' && each.backend === backend.name && [each.server, each.configured].includes(id))
      return each.configured
  }
  return /^(?:\d+\.\d+\.\d+\.\d+|\[[\da-fA-F:.]+\]|[\w.-]+(?=:\d))(?::\d+)?$/.test(id) || id.startsWith('unix:')
    ? id
    : null
}

/** '10.0.0.5' -> '10.0.0.5:80', where the first server is on port 80. @throws ToolError for what is no address */
function withPort(address: string, { servers }: Farm): string {
  const port = /:(\d+)$/.exec(servers[0]?.address ?? '')?.[1]
  const whole = /:\d+$|^unix:|^https?:/.test(address) || port === undefined ? address : `${address}:${port}`
  const parsed = parseServerAddress(whole)
  if ('expected' in parsed) throw new ToolError(`"${address}" is no address of an instance: ${parsed.expected}`)
  return whole
}

const noInstance = (backend: Farm, id: string): ToolError =>
  new ToolError(
    `Could not find EC2 instance ${id}: no server of ${backend.name} is called so; name its address: ${id}=10.0.0.5:80`,
  )

async function listInstances(call: ToolCall): Promise<void> {
  const { backend } = await farmOf(call)
  call.list({
    kind: 'INSTANCE_ID',
    element: 'InstancesResponse',
    columns: [{ header: 'INSTANCE_ID', element: 'InstanceId' }],
    rows: backend.servers.map(({ name }) => [name]),
    empty: 'No instances currently registered to LB',
  })
}
