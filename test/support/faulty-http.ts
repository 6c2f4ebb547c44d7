// The http side of a faulty server: one connection, requests one after the other, each by the behaviour of the moment.
import type { Socket } from 'node:net'
import { setTimeout as after } from 'node:timers/promises'
import type { FaultyServer } from './faulty-server.ts'
import { bytesOf, sumOf } from './numbered-bytes.ts'
import { RequestReader, type WholeRequest } from './request-reader.ts'

/** Pieces of an answer that trickles, and the time between them in ms. */
const PIECES = 12
const PIECE_EVERY = 25
/** In ms: late enough for what was written to have been read by the other side. */
const SOON = 20

/** @param random from 0 to below 1 */
export function serveHttp(server: FaultyServer, socket: Socket, random: () => number): void {
  let idle: NodeJS.Timeout | undefined
  const begun = (number: number): void => {
    clearTimeout(idle)
    if (number >= 0) server.see(number)
    if (server.behaviour === 'reset-in-request') socket.resetAndDestroy()
  }
  const answer = async (request: WholeRequest): Promise<void> => {
    const { behaviour } = server
    if (!(await answerBy(server, socket, request))) return
    server.answered++
    if (behaviour === 'idle-close') idle = setTimeout(() => socket.end(), random() * server.idleMost)
  }
  const reader = new RequestReader(
    (head) => begun(head.number),
    (request) => void answer(request),
  )
  socket.on('data', (chunk: Buffer) => reader.read(chunk))
  socket.on('end', () => socket.end())
  socket.on('close', () => clearTimeout(idle))
}

/** @returns true when it was answered whole */
async function answerBy(server: FaultyServer, socket: Socket, request: WholeRequest): Promise<boolean> {
  const { behaviour } = server
  if (behaviour === 'silent' || behaviour === 'deaf') return false
  if (behaviour === 'close-unanswered') socket.end()
  if (behaviour === 'garbage') socket.write('\x00\x01 what is HTTP? \r\n\r\n\xff')
  if (behaviour === 'reset-in-head') socket.write('HTTP/1.1 200 OK\r\nX-Request-Num')
  if (behaviour === 'slow') await after(server.delay)
  const [head, body] = answerTo(request, behaviour === 'unavailable' ? '503 Service Unavailable' : '200 OK')
  const inBody = behaviour === 'reset-in-body' && body.length > 1
  if (inBody) socket.write(Buffer.concat([head, body.subarray(0, body.length >> 1)]))
  if (inBody || behaviour === 'reset-in-head') {
    await after(SOON)
    socket.resetAndDestroy()
  }
  if (inBody || behaviour === 'reset-in-head' || behaviour === 'garbage' || behaviour === 'close-unanswered')
    return false
  const whole = Buffer.concat([head, body])
  if (behaviour === 'trickle') await trickle(socket, whole)
  else socket.write(whole)
  return true
}

async function trickle(socket: Socket, answer: Buffer): Promise<void> {
  const size = Math.ceil(answer.length / PIECES)
  for (let at = 0; at < answer.length && !socket.destroyed; at += size) {
    socket.write(answer.subarray(at, at + size))
    await after(PIECE_EVERY)
  }
}

/** Head and body. */
function answerTo({ number, reply, body }: WholeRequest, status: string): readonly [Buffer, Buffer] {
  const bytes = bytesOf(Math.max(0, number), reply)
  const chunked = number % 2 === 1
  const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${bytes.length}`
  const head = `HTTP/1.1 ${status}\r\nX-Request-Number: ${number}\r\nX-Body-Sum: ${sumOf(body)}\r\n${framing}\r\n\r\n`
  return [Buffer.from(head), chunked ? inChunks(bytes) : bytes]
}

function inChunks(bytes: Buffer): Buffer {
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; at += 10_000) {
    const piece = bytes.subarray(at, at + 10_000)
    pieces.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'))
  }
  pieces.push(Buffer.from('0\r\n\r\n'))
  return Buffer.concat(pieces)
}
