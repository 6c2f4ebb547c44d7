// One DNS message and its answer, over TCP (RFC 7766): every name server speaks it, updates fit in it whatever their size, and
// nobody answers in another's name so easily. What is in the messages is for dns-packet, dns-update.ts and tsig.ts.
import { randomInt } from 'node:crypto'
import { isIP, connect } from 'node:net'
import { decode, encode, type DecodedPacket, type RecordType } from 'dns-packet'

export interface NameServer {
  readonly host: string
  readonly port: number
}

const PATIENCE = 8000

/** @param message with its header, without the length in front @returns the same of the answer */
export function exchange(server: NameServer, message: Buffer, signal: AbortSignal | null = null): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const socket = connect({ ...server, autoSelectFamily: true })
  const place = `${isIP(server.host) === 6 ? `[${server.host}]` : server.host}:${server.port}`
  const fail = (why: string): void => reject(new Error(`The name server at ${place} ${why}`))
  const onAbort = (): void => reject(signal!.reason)
  const timer = setTimeout(() => fail(`did not answer in ${PATIENCE} ms`), PATIENCE)
  signal?.addEventListener('abort', onAbort)
  let received = Buffer.alloc(0)
  socket.on('data', (piece: Buffer) => {
    received = Buffer.concat([received, piece])
    if (received.length < 2) return
    const size = received.readUInt16BE(0)
    if (received.length < 2 + size) return
    const answer = received.subarray(2, 2 + size)
    if (size < 12 || answer.readUInt16BE(0) !== message.readUInt16BE(0)) return fail('answered something else')
    resolve(answer)
  })
  socket.on('error', (error) => fail(`was not reached: ${error.message}`))
  socket.on('close', () => fail('closed the connection without an answer'))
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  socket.write(Buffer.concat([length, message]))
  if (signal?.aborted === true) onAbort()
  return promise.finally(() => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
    socket.destroy()
  })
}

/** With the response code, which the types of dns-packet leave out. */
type Decoded = DecodedPacket & { readonly rcode: string }

/** Asks a server for the records of a name, as far as it knows by itself. @throws Error when it does not answer */
export async function query(
  server: NameServer,
  name: string,
  type: RecordType,
  signal: AbortSignal | null,
): Promise<Decoded> {
  const question = encode({
    type: 'query',
    id: randomInt(0x1_0000),
    flags: 0,
    questions: [{ type, class: 'IN', name }],
  })
  return decoded(await exchange(server, question, signal))
}

/** @throws Error where the message is broken */
export function decoded(message: Buffer): Decoded {
  try {
    return decode(message) as Decoded
  } catch {
    throw new Error('A name server answered what cannot be read')
  }
}

/** A name as it stands in a message, without compression. */
export function wireName(text: string): Buffer {
  const labels = text.split('.').filter((label) => label !== '')
  return Buffer.concat([
    ...labels.flatMap((label) => [Buffer.of(label.length), Buffer.from(label, 'latin1')]),
    Buffer.of(0),
  ])
}
