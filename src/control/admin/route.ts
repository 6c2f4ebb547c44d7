// The two kinds of routes of the control socket: those that tell, and those that change something, which know who asks.
import { CLIENT_HEADER, readWho, whoIs, type Who } from '../runtime/who.ts'
import { json, type Answer, type Call, type Route } from './http.ts'

export const get = (path: RegExp, answer: (call: Call) => unknown): Route => ({
  method: 'GET',
  path,
  answer: async (call) => json(200, await answer(call)),
})

export const post = (path: RegExp, answer: (call: Call, who: Who) => unknown): Route => ({
  method: 'POST',
  path,
  answer: async (call) => {
    const done = await answer(call, await whoAsks(call))
    return isAnswer(done) ? done : json(200, done)
  },
})

async function whoAsks({ headers, peer }: Call): Promise<Who> {
  const header = headers[CLIENT_HEADER]
  const found = await peer()
  if (found !== null) return whoIs(found, 'control socket')
  return readWho(typeof header === 'string' ? header : undefined, 'control socket')
}

const isAnswer = (done: unknown): done is Answer =>
  typeof done === 'object' && done !== null && 'type' in done && 'status' in done && 'body' in done
