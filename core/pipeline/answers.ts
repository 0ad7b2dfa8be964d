/**
 * Which kinds of answer each moment takes, and what failing means there. The types say the same at compile time;
 * this table says it again at run time, since plugins may be plain JavaScript.
 */
import { type Claim, type Defer, defer, type MomentName } from '../api/index.js'

const KINDS: { readonly [M in MomentName]?: ReadonlySet<string> } = {
  connect: new Set(['reject', 'defer', 'label']),
  helo: new Set(['reject', 'defer', 'label']),
  login: new Set(['reject', 'defer']),
  auth: new Set(['authenticated', 'reject', 'defer']),
  mail: new Set(['reject', 'defer', 'label']),
  // Objection is not permission: a claim given here is a fault of the plugin, never a route.
  rcpt: new Set(['reject', 'defer', 'label']),
  route: new Set(['claim', 'reject', 'defer']),
  message: new Set(['reject', 'defer', 'discard', 'quarantine', 'hold', 'ruled']),
}

/** The sentence that says what is wrong with an answer, or undefined when it may be given at this moment. */
export function answerFault(moment: MomentName, answer: unknown): string | undefined {
  const kinds = KINDS[moment]
  if (kinds === undefined) return undefined
  const list = Array.isArray(answer) ? answer : [answer]
  if (Array.isArray(answer) && (moment !== 'route' || answer.some(one => kindOf(one) !== 'claim'))) {
    return `a list is no answer to ${moment}; only route may answer a list, and only of claims`
  }
  for (const one of list) {
    const kind = kindOf(one)
    if (kind === undefined || !kinds.has(kind)) {
      return `${kind ?? typeof one} is no answer to ${moment}; expected ${[...kinds].join(', ')} or nothing`
    }
    const fault =
      kind === 'reject' || kind === 'defer'
        ? replyFault(one as Defer, kind)
        : kind === 'claim'
          ? claimFault(one as Claim)
          : undefined
    if (fault !== undefined) return fault
  }
  return undefined
}

/** Fail closed: what the peer hears when a deciding hook throws, rejects or is late. */
export function failedAnswer(moment: MomentName): Defer {
  if (moment === 'connect') return defer('Local trouble, try again later', { code: 421, status: '4.3.0' })
  if (moment === 'auth' || moment === 'login')
    return defer('Temporary authentication failure', { code: 454, status: '4.7.0' })
  return defer('Local trouble, try again later', { code: 451, status: '4.3.0' })
}

function kindOf(answer: unknown): string | undefined {
  if (typeof answer !== 'object' || answer === null) return undefined
  const kind = (answer as { kind?: unknown }).kind
  return typeof kind === 'string' ? kind : undefined
}

/** An address of a claim is written into commands and fields: nothing in it may end a line. */
export function claimFault({ target, to, sender, hold, fields }: Claim): string | undefined {
  if (typeof target !== 'string') return 'a claim needs the name of a target'
  if (!isAddress(to)) return 'a claim needs an address, without control characters'
  if (hold !== undefined && typeof hold !== 'string') return 'the hold of a claim is a reason, in words'
  if (fields !== undefined && !isFields(fields)) return 'the fields of a claim are a list of names and values, in words'
  return sender === undefined || sender === null || isAddress(sender)
    ? undefined
    : 'the sender of a claim is an address without control characters, or null'
}

function isFields(value: unknown): boolean {
  const isField = (one: unknown) => {
    const { name, value } = (one ?? {}) as { readonly name?: unknown; readonly value?: unknown }
    return typeof name === 'string' && typeof value === 'string'
  }
  return Array.isArray(value) && value.every(isField)
}

export function isAddress(value: unknown): boolean {
  const { local, domain } = (value ?? {}) as { readonly local?: unknown; readonly domain?: unknown }
  return typeof local === 'string' && typeof domain === 'string' && !/[\u0000-\u001f\u007f]/.test(local + domain)
}

// RFC 3463 §2: the class of the enhanced code and the first digit of the reply agree.
function replyFault(reply: { code: number; status: string }, kind: 'reject' | 'defer'): string | undefined {
  const digit = kind === 'reject' ? 5 : 4
  if (!Number.isInteger(reply.code) || Math.floor(reply.code / 100) !== digit) {
    return `${kind} needs a ${digit}xx reply code, not ${String(reply.code)}`
  }
  if (
    typeof reply.status !== 'string' ||
    !/^[45]\.\d{1,3}\.\d{1,3}$/.test(reply.status) ||
    reply.status[0] !== String(digit)
  ) {
    return `${kind} needs an enhanced status ${digit}.x.x, not ${String(reply.status)}`
  }
  return undefined
}
