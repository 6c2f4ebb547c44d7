// A server that an operator adds while Weir runs: from its address to all that a configuration says of a server. What is not
// said is as for the first server that the file has in the backend: TLS, and where the checks go.
import { parseServerAddress } from '../../config/address.ts'
import type { BackendConfig, ServerConfig } from '../../config/config.ts'
import { trustingTls } from '../../config/resolve-server-tls.ts'
import { RequestProblem } from './problem.ts'

/** As asked for; what is left out has the default of the configuration. */
export interface AddedServer {
  readonly address: string
  readonly weight?: number
  readonly max_connections?: number
  /** 0: primary. */
  readonly tier?: number
  readonly zone?: string
}

/** @throws RequestProblem when the address is none */
export function addedServer(backend: BackendConfig, name: string, wish: AddedServer): ServerConfig {
  const parsed = parseServerAddress(wish.address)
  if ('expected' in parsed)
    throw new RequestProblem(422, `"${wish.address}" is no address of a server`, parsed.expected)
  if (parsed.path !== null && !parsed.path.startsWith('/'))
    throw new RequestProblem(422, `"${wish.address}" is no absolute path`, 'such as "unix:/run/app.sock"')
  const { host, port, path } = parsed
  const model = backend.servers[0]
  const tls = parsed.tls === null ? (model?.tls ?? null) : parsed.tls ? (model?.tls ?? trustingTls) : null
  const checkPort = model === undefined || model.check.port === model.port ? port : model.check.port
  const checkTls = model === undefined ? tls : model.check.tls === null && model.tls !== null ? null : tls
  return {
    name,
    host,
    port,
    path,
    tls,
    weight: wish.weight ?? 1,
    maxConnections: wish.max_connections ?? 0,
    tier: wish.tier ?? 0,
    zone: wish.zone ?? null,
    check: { host, port: path === null ? checkPort : 0, path, tls: checkTls },
  }
}
