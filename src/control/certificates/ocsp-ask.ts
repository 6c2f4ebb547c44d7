// A question to a responder of OCSP, over HTTP (RFC 6960, appendix A.1), with a bound on how long it takes and on what comes back.
// What is asked and what the answer says is ocsp-message.ts.
import { request } from 'undici'
import { errorText } from '../health/probe.ts'

/** For one question, answer included; milliseconds. */
export const TIMEOUT = 10_000
/** Answers are some hundred bytes, a few KiB with certificates in them. */
export const MOST_BYTES = 64 * 1024

/** @returns DER @throws Error when it does not answer. Redirects are not followed: a responder is where the certificate says. */
export async function askResponder(responder: string, body: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  const limits = { headersTimeout: TIMEOUT, bodyTimeout: TIMEOUT }
  const headers = { 'content-type': 'application/ocsp-request', accept: 'application/ocsp-response' }
  const answer = await request(responder, { method: 'POST', headers, body, signal, reset: true, ...limits })
  if (answer.statusCode !== 200) {
    await answer.body.dump({ limit: MOST_BYTES }).catch(() => {})
    throw new Error(`it answers with status ${answer.statusCode}`)
  }
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > MOST_BYTES) throw new Error(`its answer is longer than ${MOST_BYTES / 1024} KiB`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Why there is no answer. */
export const wordsFor = (error: unknown): string =>
  (error as Error).name === 'TimeoutError' ? `no answer within ${TIMEOUT / 1000} s` : errorText(error)
