/** Which replies can be the answer to what was asked, and what they amount to. Pure. */
import type { Reply } from './reply.js'

/** RFC 5321 §4.2.4: 503 is about the order of commands and never about the mail; ours was right. Some say it of policies, with a status. */
export function isMisplaced({ code, status }: Reply): boolean {
  return code === 503 && (status === undefined || status.startsWith('5.5.'))
}

/** RFC 5321 §4.2.4: of commands that are not known or not understood; or a go-ahead where none was asked for. */
export function deniesCommand({ code, status }: Reply): boolean {
  if (code >= 300 && code < 400) return true
  return code >= 500 && code <= 504 && (status === undefined || status.startsWith('5.5.'))
}

/** RFC 5321 §4.5.3.1.10: "552 too many recipients" is to be treated as 452, unless it plainly means something else. */
export function fullHouse(reply: Reply, acceptedBefore: number): Reply {
  const tooMany = reply.code === 552 && acceptedBefore > 0 && (reply.status === undefined || reply.status === '5.5.3')
  return tooMany ? { ...reply, code: 452, status: '4.5.3' } : reply
}

/** A positive answer where only 354 or a refusal makes sense is a broken peer: temporary. */
export function asRefusal(reply: Reply): Reply {
  return reply.code >= 400 ? reply : { ...reply, code: 451, status: '4.5.0' }
}
