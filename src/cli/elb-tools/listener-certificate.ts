// elb-set-lb-listener-ssl-cert: another certificate for a listener that has one. The next handshake gets it, and open connections
// go on. What is unknown (the ARN, the load balancer, a port without TLS) changes nothing.
import { elbOptions, numberOf, requiredText, ToolError } from './arguments.ts'
import { accountOf, namedIn, notFound } from './arn.ts'
import { elbUsage } from './describe.ts'
import { loadBalancer, nameIn } from './load-balancers.ts'
import { stored } from './server-certificates.ts'
import type { Tool } from './tool.ts'

export const setListenerCertificate: Tool = {
  usage: `Usage: elb-set-lb-listener-ssl-cert LB --lb-port PORT --cert-id ARN

Has the listener on that port serve another certificate of the store, from the next handshake on.
${elbUsage}`,
  options: {
    ...elbOptions,
    lb: { type: 'string' },
    'lb-port': { type: 'string', short: 'p' },
    'cert-id': { type: 'string', short: 'c' },
  },
  run: async (call) => {
    const lb = nameIn(call)
    const port = numberOf(call, 'lb-port', [1, 65_535])
    if (port === null) throw new ToolError('--lb-port is missing')
    const arn = requiredText(call, 'cert-id')
    const { name, path } = namedIn(arn, accountOf(call.env))
    const known = (await stored(call)).find((each) => each.name === name)
    if (known !== undefined && (known.path ?? '/') !== path) throw notFound(arn)
    const { frontend } = await loadBalancer(call, lb)
    const listeners = frontend.binds.filter(({ address }) => address.endsWith(`:${port}`))
    if (listeners.length === 0) throw new ToolError(`${lb} has no listener on port ${port}`)
    if (!listeners.some(({ tls }) => tls)) throw new ToolError(`the listener of ${lb} on port ${port} has no TLS`)
    await call.ask({ method: 'POST', path: '/v1/certificates/use', body: { frontend: lb, port, name } })
    call.print('OK-Setting SSL Certificate\n')
  },
}
