// Records by dynamic update (RFC 2136), signed where there is a key (tsig.ts). A value is added to what is there and taken away
// again alone, so that others who prove the same name at the same time are left in peace. The name may be an alias that leads to
// another zone (dns-alias.ts): the record is made where it ends, by the same server and under the same key.
import { randomInt } from 'node:crypto'
import { lookup, Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { encode, type Answer, type Packet } from 'dns-packet'
import type { AcmeDnsConfig } from '../../config/config-tls.ts'
import type { Records, TxtRecord } from './answers.ts'
import { aliasesBy, endOfAliases, type CnameResolver } from './dns-alias.ts'
import { decoded, exchange, query, wireName, type NameServer } from './dns-message.ts'
import { answerProblem, signMessage } from './tsig.ts'

type UpdateConfig = Extract<AcmeDnsConfig, { kind: 'update' }>

export interface UpdateOptions {
  /** Name servers of the zone that do not have the record when all has been waited for. */
  readonly onMissing: (record: TxtRecord, servers: readonly string[]) => void
  /** How long name servers are asked again, milliseconds, and how often. */
  readonly patience?: number
  readonly interval?: number
  /** Asked about names of which the server that takes the updates knows nothing. */
  readonly resolver?: CnameResolver
}

/** In the header (RFC 2136, section 2.2). */
const UPDATE = 5 << 11
/** Class of a record that is to be taken away (section 2.5.4). */
const NONE = 254
/** Seconds. Short, since the record is soon gone. */
const TTL = 60
/** Of the resolver of the system: milliseconds for a try. */
const RESOLVING = { timeout: 3000, tries: 2 }

export function updateRecords(config: UpdateConfig, options: UpdateOptions): Records {
  const { onMissing, patience = 60_000, interval = 2000, resolver = new Resolver(RESOLVING) } = options
  const server = parseServer(config.server)
  const change = async (
    kind: 'add' | 'remove',
    { name, value }: TxtRecord,
    signal: AbortSignal | null,
  ): Promise<void> => {
    const zone = config.zone ?? (await findZone(server, name, signal))
    await sendUpdate(server, config.key, updateMessage(kind, zone, name, value), signal)
  }
  return {
    ownerOf: (name, signal) => endOfAliases(name, aliasesBy(server, resolver, signal)),
    add: (name, value, signal) => change('add', { name, value }, signal),
    remove: (name, value) => change('remove', { name, value }, null),
    settle: async (records, signal) => {
      await pause(config.wait, undefined, { signal })
      const end = performance.now() + patience
      for (const record of records) {
        const zone = config.zone ?? (await findZone(server, record.name, signal))
        let rest = await nameServers(server, zone, signal)
        while ((rest = await withoutRecord(rest, record, signal)).length > 0 && performance.now() < end) {
          await pause(interval, undefined, { signal })
        }
        if (rest.length > 0)
          onMissing(
            record,
            rest.map(({ host }) => host),
          )
      }
    },
  }
}

function updateMessage(kind: 'add' | 'remove', zone: string, name: string, value: string): Buffer {
  const record: Answer = { type: 'TXT', name, ttl: kind === 'add' ? TTL : 0, data: value }
  const questions: Packet['questions'] = [{ type: 'SOA', class: 'IN', name: zone }]
  const message = encode({ type: 'query', id: randomInt(0x1_0000), flags: UPDATE, questions, authorities: [record] })
  if (kind === 'remove') {
    // dns-packet has no word for the class: it stands behind header, zone, name and type.
    message.writeUInt16BE(NONE, 12 + wireName(zone).length + 4 + wireName(name).length + 2)
  }
  return message
}

async function sendUpdate(
  server: NameServer,
  key: UpdateConfig['key'],
  message: Buffer,
  signal: AbortSignal | null,
): Promise<void> {
  const seconds = (): number => Math.floor(Date.now() / 1000)
  const signed = key === null ? null : signMessage(message, key, seconds())
  const answer = await exchange(server, signed?.message ?? message, signal)
  const refused = (why: string): Error => new Error(`The name server ${server.host} did not take the update: ${why}`)
  const { rcode } = decoded(answer)
  const problem = key === null ? null : answerProblem(answer, key, signed!.mac, seconds())
  if (rcode !== 'NOERROR') {
    const why = problem === null || problem === 'the answer is not signed' ? meanings[rcode] : problem
    throw refused(why === undefined ? rcode : `${rcode}, ${why}`)
  }
  if (problem !== null) throw refused(problem)
}

const meanings: Readonly<Record<string, string>> = {
  REFUSED: 'it takes no updates from here, or not with this key',
  NOTAUTH: 'it is not the authority for the zone, or the key is not the right one',
  NOTZONE: 'the name is not in the zone',
  SERVFAIL: 'it could not write it down',
}

/** The zone that a name is in: the server says by its SOA record, along with an answer or instead of one (RFC 2308). */
async function findZone(server: NameServer, name: string, signal: AbortSignal | null): Promise<string> {
  for (let at = name; at.includes('.'); at = at.slice(at.indexOf('.') + 1)) {
    const { answers = [], authorities = [], rcode } = await query(server, at, 'SOA', signal)
    if (rcode === 'REFUSED' || rcode === 'SERVFAIL') continue
    const found = [...answers, ...authorities].find((record) => record.type === 'SOA')
    if (found !== undefined && (name === found.name || name.endsWith(`.${found.name}`))) return found.name
  }
  throw new Error(`The name server ${server.host} has no zone for ${name}`)
}

/** All of a zone. The server that takes the updates is among them, on its own port, whether the zone names it or not. */
async function nameServers(server: NameServer, zone: string, signal: AbortSignal): Promise<NameServer[]> {
  const own = isIP(server.host) === 0 ? await addressesOf(server.host) : [server.host]
  const { answers = [] } = await query(server, zone, 'NS', signal)
  const hosts = answers.flatMap((record) => (record.type === 'NS' ? [record.data] : []))
  const found = new Set<string>()
  for (const host of hosts) {
    const inZone = (await query(server, host, 'A', signal)).answers ?? []
    const told = inZone.flatMap((record) => (record.type === 'A' ? [record.data] : []))
    for (const address of told.length > 0 ? told : await addressesOf(host)) found.add(address)
  }
  return [server, ...[...found].filter((address) => !own.includes(address)).map((host) => ({ host, port: 53 }))]
}

const addressesOf = (host: string): Promise<string[]> =>
  lookup(host, { all: true }).then(
    (found) => found.map(({ address }) => address),
    () => [],
  )

async function withoutRecord(
  servers: readonly NameServer[],
  { name, value }: TxtRecord,
  signal: AbortSignal,
): Promise<NameServer[]> {
  const has = async (server: NameServer): Promise<boolean> => {
    const { answers = [] } = await query(server, name, 'TXT', signal).catch(() => ({ answers: [] }))
    signal.throwIfAborted()
    return answers.some((record) => record.type === 'TXT' && textOf(record.data) === value)
  }
  const found = await Promise.all(servers.map(has))
  return servers.filter((_, i) => !found[i])
}

const textOf = (data: unknown): string => (Array.isArray(data) ? data : [data]).map(String).join('')

function parseServer(written: string): NameServer {
  const { hostname, port } = new URL(`tcp://${written}`)
  return { host: hostname.replaceAll(/^\[|\]$/g, ''), port: port === '' ? 53 : Number(port) }
}
