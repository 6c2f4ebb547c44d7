// Answers to signed updates that do not come from who has the secret, and name servers that answer badly.
import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { updateRecords } from '../../../src/control/acme/dns-update.ts'
import { ms } from '../../../src/model/units.ts'
import { startNamed, withoutNamed } from './named.ts'

const never = new AbortController().signal
const key = { name: 'weir-key', algorithm: 'hmac-sha256', secret: Buffer.from('secret') }

async function listen(serve: (socket: Socket) => void): Promise<number> {
  const server = net.createServer((socket) => serve(socket.on('error', () => {})))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

const add = (port: number, with_: typeof key = key) =>
  updateRecords(
    { kind: 'update', server: `127.0.0.1:${port}`, zone: 'weir.test', key: with_, wait: ms(0) },
    { onMissing: () => {} },
  ).add('_acme-challenge.weir.test', 'value', never)

/** Passes a question on to a name server, and the answer back as `change` has it. */
const between = (real: number, change: (answer: Buffer) => Buffer) => (socket: Socket) => {
  const other = net.connect(real, '127.0.0.1')
  socket.on('data', (piece) => other.write(piece))
  other.on('data', (piece: Buffer) => socket.write(change(piece)))
  socket.on('close', () => other.destroy())
}

test.skipIf(withoutNamed)('an answer that was changed on the way is not believed', async () => {
  const named = await startNamed()
  const changed: Record<string, (answer: Buffer) => Buffer> = {
    'the signature of the answer is wrong': (answer) => {
      answer[2 + 3]! ^= 0x80 // a flag in the header
      return answer
    },
    'the answer is not signed': (answer) => {
      const head = answer.subarray(0, 14)
      head.writeUInt16BE(12, 0)
      head.fill(0, 6) // no records
      return head
    },
  }
  for (const [why, change] of Object.entries(changed)) {
    const port = await listen(between(named.port, change))
    await expect(add(port, named.key as typeof key)).rejects.toThrow(
      `The name server 127.0.0.1 did not take the update: ${why}`,
    )
  }
  await add(await listen(between(named.port, (answer) => answer)), named.key as typeof key)
})

test('a name server that closes, answers something else, or is not there, is told apart', async () => {
  await expect(add(await listen((socket) => socket.on('data', () => socket.end())))).rejects.toThrow(
    'closed the connection without an answer',
  )
  const other = (socket: Socket) =>
    socket.on('data', (question: Buffer) => {
      question[2]! ^= 0xff // the id
      socket.write(question)
    })
  await expect(add(await listen(other))).rejects.toThrow('answered something else')
  const gone = net.createServer().listen(0, '127.0.0.1')
  await once(gone, 'listening')
  const { port: dead } = gone.address() as AddressInfo
  gone.close()
  await once(gone, 'close')
  await expect(add(dead)).rejects.toThrow(`The name server at 127.0.0.1:${dead} was not reached`)
})
