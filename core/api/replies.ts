/**
 * What a reply of another server means: a class that people and programs can act on, found by rules (`rules/replies/*.yaml`, and the
 * admin's `replies.yaml`). One engine for what we hear while sending and for what stands in bounces that come in: the service `replies`.
 */

/** Every class there is, and what it says of the mail. */
export const REPLY_CLASSES = {
  'no-such-user': 'nobody has this address',
  disabled: 'the mailbox is there and takes nothing: closed, locked, inactive',
  'mailbox-full': 'the mailbox is full',
  'bad-address': 'the address cannot be one',
  dns: 'the domain has no mail host, or the name service does not say',
  unreachable: 'no host answers, or connections break',
  tls: 'no TLS, or none that could be trusted',
  blocked: 'they do not take mail from our address or name: a list, a bad reputation',
  unauthenticated: 'SPF, DKIM, DMARC or the reverse name did not convince them',
  'rate-limited': 'too much, too fast, too many connections',
  greylisted: 'they want to see us again later',
  'spam-content': 'they take the message for spam',
  virus: 'they found something dangerous in it',
  content: 'they do not like the form of the message',
  'too-big': 'the message is too large',
  'bad-sender': 'they do not take mail from this sender',
  'auth-required': 'they want us to log in',
  'relay-denied': 'they do not carry mail for this recipient',
  policy: 'a rule of theirs forbids it',
  loop: 'the message goes round in circles',
  protocol: 'one of us speaks SMTP badly',
  system: 'something is broken over there',
  expired: 'another server has given up',
  unclassed: 'no rule knows it',
} as const

export type ReplyClass = keyof typeof REPLY_CLASSES

/** At which point of the talk it was said; `none`: nobody said it, these are our own words about what went wrong. */
export const REPLY_STAGES = ['connect', 'helo', 'tls', 'auth', 'mail', 'rcpt', 'data', 'end', 'none'] as const
export type ReplyStage = (typeof REPLY_STAGES)[number]

export interface ReplyFacts {
  /** As it came: `550 5.1.1 <x@example.org>: User unknown`. Of several lines each may repeat the codes. */
  readonly text: string
  /** Left out: read from the text. */
  readonly code?: number
  /** Enhanced status; left out: read from the text. */
  readonly status?: string
  /** Name of the host that said it, or `mx1.example.net [192.0.2.1]:25`. */
  readonly remote?: string
  readonly stage?: ReplyStage
}

export interface ReplyAction {
  /** Nothing more to this lane for so long. */
  readonly suspendMs?: number
  /** Fewer deliveries at once to this lane, as after a failure. */
  readonly slowDown?: true
  /** Whatever the first digit says. */
  readonly treatAs?: 'temporary' | 'permanent'
  /** This recipient is not tried earlier than after this time. */
  readonly retryAfterMs?: number
}

export interface ClassedReply {
  readonly class: ReplyClass
  /** Name of the rule; left out for `unclassed`. */
  readonly rule?: string
  /** What the rule says of itself. */
  readonly says?: string
  /** Where the rule stands. */
  readonly place?: { readonly file: string; readonly line: number; readonly column: number }
  /** Only codes were known, not the words. */
  readonly general: boolean
  readonly action?: ReplyAction
}

/** Service `replies`, of core. Never rejects once the server is up: the rules were read at its start. */
export interface Replies {
  classify(reply: ReplyFacts): Promise<ClassedReply>
}
