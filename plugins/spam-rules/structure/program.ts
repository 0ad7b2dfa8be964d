/**
 * Mail that claims to come from a program and is not shaped as that program shapes it. Only what each is known to do in every version, and never of mail a
 * list has had in its hands: gateways and lists rewrite boundaries and drop fields.
 */
import { parseParameters } from 'posthouse/text'
import type { Facts } from '../facts.js'
import { type Look, Shape } from './shape.js'

interface Program {
  readonly name: string
  readonly says: RegExp
  /** How the boundary of its outermost multipart begins. */
  readonly boundary: RegExp
  /** A field that every mail of it has. */
  readonly always?: string
}

const NEXT_PART = /^----=_NextPart_[0-9A-F]{3}_[0-9A-F]{4}_[0-9A-F]{8}\.[0-9A-F]{8}$/
const PROGRAMS: readonly Program[] = [
  {
    name: 'Outlook Express',
    says: /^Microsoft (?:Outlook Express|Windows (?:Live )?Mail)\b/,
    boundary: NEXT_PART,
    always: 'x-mimeole',
  },
  { name: 'Outlook', says: /^Microsoft (?:Office )?Outlook\b(?! Express)/, boundary: NEXT_PART },
  { name: 'Apple Mail', says: /^(?:Apple Mail|iPhone Mail|iPad Mail) \(/, boundary: /^Apple-Mail/ },
  { name: 'Thunderbird', says: /^Mozilla(?: Thunderbird|\/5\.0 .{0,120}Thunderbird\/)/, boundary: /^-{12}/ },
]
/** Exchange makes the parts anew of what it passes on. */
const EXCHANGE = /^_0\d\d_/
/** What a filter, a signer or a gateway wraps around a mail has a boundary of theirs. */
const WRAPPED = /^multipart\/(?:signed|encrypted|report)\b/i
/** The last of these was made in 2012; a few people hold on to them, and mass mailers to their names. */
const OLD_PROGRAM =
  /^Microsoft (?:Outlook Express|Windows Mail)\b|^Microsoft(?: Office)? Outlook,? (?:Build )?(?:8|9|10|11)\.|^The Bat! \((?:v)?[1-3]\./i
const GONE_BY = Date.UTC(2014, 0)

export const PROGRAM_TESTS = {
  'boundary-of-other-program': facts => {
    const program = programOf(facts)
    const boundary = boundaryOf(facts)
    if (program === undefined || boundary === undefined || program.boundary.test(boundary) || EXCHANGE.test(boundary))
      return undefined
    return `${program.name}, with the boundary ${boundary.slice(0, 40)}`
  },

  'program-without-its-field': facts => {
    const program = programOf(facts)
    if (program?.always === undefined || Shape.of(facts).has(program.always)) return undefined
    return `${program.name} without ${program.always}`
  },

  /** Each of these programs writes them all. */
  'program-without-basics': facts => {
    const program = programOf(facts)
    const shape = Shape.of(facts)
    const missing = ['date', 'mime-version', 'message-id'].find(name => !shape.has(name))
    return program === undefined || missing === undefined ? undefined : `${program.name} without ${missing}`
  },

  'boundary-imitates-outlook': facts => {
    const boundary = boundaryOf(facts)
    return boundary?.startsWith('----=_NextPart_') && !NEXT_PART.test(boundary) ? boundary.slice(0, 60) : undefined
  },

  // Outlook's own field names, which it writes together.
  'priority-of-no-program': facts => {
    const shape = Shape.of(facts)
    if (!shape.has('x-msmail-priority') || shape.byList || shape.has('x-mimeole') || shape.program !== '')
      return undefined
    return `X-MSMail-Priority: ${shape.raw('x-msmail-priority').slice(0, 20)}`
  },

  'program-out-of-time': facts => {
    const { program } = Shape.of(facts)
    return OLD_PROGRAM.test(program) && arrived(facts) > GONE_BY ? program.slice(0, 60) : undefined
  },
} as const satisfies Record<string, Look>

function programOf(facts: Facts): Program | undefined {
  return facts.once(readProgram)
}

function readProgram(facts: Facts): Program | undefined {
  const shape = Shape.of(facts)
  return shape.byList || shape.program === '' ? undefined : PROGRAMS.find(({ says }) => says.test(shape.program))
}

function boundaryOf(facts: Facts): string | undefined {
  return facts.once(readBoundary)
}

function readBoundary(facts: Facts): string | undefined {
  const type = Shape.of(facts).raw('content-type').slice(0, 1000)
  return /^multipart\//i.test(type) && !WRAPPED.test(type) ? parseParameters(type).params.get('boundary') : undefined
}

/** By the newest Received field: what Date says may be as false as the rest. */
function arrived(facts: Facts): number {
  const [, year] = /;[^;]{0,40}\b(20\d\d)\b[^;]{0,40}$/.exec(Shape.of(facts).raw('received').slice(0, 2000)) ?? []
  return year === undefined ? 0 : Date.UTC(Number(year), 11, 31)
}
