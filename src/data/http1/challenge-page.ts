// Answers the authority of ACME that comes to see whether a name leads here: HTTP-01 (RFC 8555, section 8.3). While an order
// is under way there is a page per token, on every http frontend and for any host: the name that is asked for is the
// authority's choice, and a token says nothing to anybody else. Tokens that are not ours may be those of a client behind
// us, so such requests go on to the servers like others.
import type { Challenges } from '../../messages/tls.ts'
import { QUESTION } from './characters.ts'
import type { OwnPage } from './own-page.ts'
import type { RequestHead } from './request-head.ts'

const PREFIX = new TextEncoder().encode('/.well-known/acme-challenge/')

/** @returns null: the request is for none of the tokens. The query does not matter */
export function challengePage(tokens: Challenges['http'], head: RequestHead, buffer: Buffer): OwnPage | null {
  const start = head.pathStart + PREFIX.length
  if (start >= head.targetEnd) return null
  for (let i = 0; i < PREFIX.length; i++) if (buffer[head.pathStart + i] !== PREFIX[i]) return null
  let end = start
  while (end < head.targetEnd && buffer[end] !== QUESTION) end++
  const token = buffer.latin1Slice(start, end)
  if (!Object.hasOwn(tokens, token)) return null
  return { status: 200, contentType: 'application/octet-stream', body: tokens[token]!, counted: true }
}
