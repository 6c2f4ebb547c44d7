// Reading a header and nothing behind it, on bare handles and on sockets as Node makes them, where more is read at a time.
import net, { type AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import type { WorkerContext } from '../../../src/data/context.ts'
import { Clock } from '../../../src/data/io/clock.ts'
import { onConnection, own, type Accepted } from '../../../src/data/io/socket.ts'
import { sharedBuffer } from '../../../src/data/io/socket-owner.ts'
import { goOnReading } from '../../../src/data/proxy-protocol/early-bytes.ts'
import { HeaderReader, type Introduced } from '../../../src/data/proxy-protocol/header-reader.ts'
import { ProxyRules } from '../../../src/data/proxy-protocol/rules.ts'
import { ms } from '../../../src/model/units.ts'
import { dial, eventually } from '../../support/peers.ts'
import { IPV4, tlv, v2 } from './vectors.ts'

const rules = new ProxyRules({ mode: 'optional', from: ['127.0.0.1'], timeout: ms(5000) })
const context = { clock: new Clock(0) } as WorkerContext

interface Got {
  introduced: Introduced | null
  rest: string
}

/** A port on which headers are read. @param bare by handles, as it is in use */
async function serve(bare: boolean, got: Got): Promise<number> {
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const host = {
    onNoHeader() {},
    onIntroduced(_: HeaderReader, introduced: Introduced) {
      got.introduced = introduced
      own(introduced.socket, {
        onBytes(buffer, n) {
          got.rest += buffer.latin1Slice(0, n)
          return true
        },
        nextBuffer: () => sharedBuffer,
        onEnd: () => introduced.socket.destroy(),
        onDrain() {},
        onClosed() {},
      })
      setTimeout(() => goOnReading(introduced), 20) // it may have to wait for a place
    },
  }
  onConnection(server, (accepted: Accepted) => void new HeaderReader(accepted, '127.0.0.1', rules, context, host), bare)
  return (server.address() as AddressInfo).port
}

const headers: readonly (readonly [string, Buffer])[] = [
  ['version 1', Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 56004 443\r\n')],
  ['version 2', v2('21 11 LLLL', IPV4)],
  ['a long one', v2('21 11 LLLL', IPV4, tlv('04', Buffer.alloc(4000)))],
  ['none', Buffer.alloc(0)],
]

test.each(headers.flatMap(([name, header]) => [true, false].map((bare) => [name, bare, header] as const)))(
  '%s, and what follows (bare handles: %s)',
  async (_, bare, header) => {
    const got: Got = { introduced: null, rest: '' }
    const client = await dial(await serve(bare, got))
    const rest = `GET / HTTP/1.1\r\n\r\n${'x'.repeat(100_000)}`
    client.write(Buffer.concat([header, Buffer.from(rest)]))
    await eventually('all of it', () => got.rest.length >= rest.length)
    expect(got.rest).toBe(rest)
    const { introduced } = got
    expect(introduced!.header?.length ?? 0).toBe(header.length)
    expect(introduced!.address).toBe(header.length === 0 ? '127.0.0.1' : '192.0.2.7')
    if (bare && header.length > 0) expect(introduced!.early).toBe(null)
    client.socket.end()
    await client.over()
  },
)
