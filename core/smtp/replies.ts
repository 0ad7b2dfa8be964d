/**
 * Every reply we give of our own accord, with its enhanced code (RFC 3463, RFC 5248 and the IANA registry): the only file that knows.
 * Plugins' answers come with their own codes. Greeting and answers to HELO, EHLO and LHLO carry none (RFC 2034 §4), except refusals:
 * there the code is only text to an old client, and a new one likes to know.
 */
import type { SmtpReply } from '../api/index.js'

/** One reply, several (LMTP after DATA), or nothing more to say. */
export type Answer = SmtpReply | readonly SmtpReply[] | undefined

function reply(code: number, status: string, text: string): SmtpReply {
  return { code, status, text }
}

export const REPLY = {
  ok: reply(250, '2.0.0', 'OK'),
  senderOk: reply(250, '2.1.0', 'Sender OK'),
  recipientOk: reply(250, '2.1.5', 'Recipient OK'),
  flushed: reply(250, '2.0.0', 'Flushed'),
  bye: reply(221, '2.0.0', 'Bye'),
  startTls: reply(220, '2.0.0', 'Ready to start TLS'),
  loggedIn: reply(235, '2.7.0', 'Authentication successful'),
  sendData: { code: 354, text: 'End data with <CR><LF>.<CR><LF>' },
  // RFC 5321 §3.5.3: 252 neither confirms nor denies.
  cannotVerify: reply(252, '2.0.0', 'Cannot verify the address, but will take mail for it and try'),

  // RFC 6531 §3.7.4.2: our replies are ASCII, whatever the client may read.
  cannotShow: reply(252, '2.6.8', 'Cannot show a mailbox name that is not ASCII'),
  listsNotTold: reply(550, '5.7.1', 'Who is on a list is not told'),

  // ── 421: said before we close ──
  draining: reply(421, '4.3.2', 'Service is shutting down, try again soon'),
  commandTimeout: reply(421, '4.4.2', 'Timeout while waiting for a command'),
  dataTimeout: reply(421, '4.4.2', 'Timeout while waiting for message data'),
  tooManyErrors: reply(421, '4.7.0', 'Too many errors'),
  tooManyCommands: reply(421, '4.7.0', 'Too many commands in one session'),
  tooManyBeforeLogin: reply(421, '4.7.0', 'Too many commands without a login'),
  tooManyLogins: reply(421, '4.7.0', 'Too many failed logins'),
  beforeTls: reply(421, '4.7.0', 'Commands came in clear behind STARTTLS'),
  beforeTurn: reply(421, '4.7.0', 'Commands came behind a command that turns the session round'),
  notProxied: reply(421, '4.7.0', 'No PROXY protocol for you here'),
  notHttp: reply(421, '4.7.0', 'This is a mail server'),
  chunkLost: reply(421, '4.7.0', 'Where the chunk ends is not known, so nothing more can be read'),
  dataLost: reply(421, '4.3.0', 'Internal error while taking the message'),

  // ── trouble of ours ──
  internal: reply(451, '4.3.0', 'Internal error, try again later'),
  // RFC 9422 §4.1, MAILMAX
  tooManyMessages: reply(452, '4.5.3', 'Too many messages in one session'),
  tooManyRecipients: reply(452, '4.5.3', 'Too many recipients'),

  // ── syntax and order ──
  unknownCommand: reply(500, '5.5.2', 'Command not recognised'),
  bareNewlineInCommand: reply(500, '5.5.2', 'A command line must end with CR LF'),
  controlInCommand: reply(500, '5.5.2', 'Control character in command line'),
  notUtf8: reply(500, '5.5.2', 'Command line is not valid UTF-8'),
  lineTooLong: reply(500, '5.5.2', 'Line too long'),
  // RFC 4954 §6
  authLineTooLong: reply(500, '5.5.6', 'Authentication exchange line is too long'),
  lhloOnly: reply(500, '5.5.1', 'This is LMTP, say LHLO'),
  ehloOnly: reply(500, '5.5.1', 'This is SMTP, say EHLO'),
  notOffered: reply(502, '5.5.1', 'Command not offered here'),
  refusedSession: reply(503, '5.5.1', 'Session was refused, only QUIT is left'),
  needHello: reply(503, '5.5.1', 'Say EHLO or HELO first'),
  needLhlo: reply(503, '5.5.1', 'Say LHLO first'),
  needMail: reply(503, '5.5.1', 'Need MAIL first'),
  needRecipient: reply(503, '5.5.1', 'Need RCPT first'),
  noRecipients: reply(554, '5.5.1', 'No valid recipients'),
  chunksBegun: reply(503, '5.5.1', 'The message is coming by BDAT, go on with it or say RSET'),
  chunkFailed: reply(503, '5.5.1', 'An earlier chunk was refused, say RSET'),
  binaryNeedsChunks: reply(503, '5.5.1', 'A BINARYMIME message needs BDAT'),
  nestedMail: reply(503, '5.5.1', 'Sender was already given, RSET starts anew'),
  tlsActive: reply(503, '5.5.1', 'TLS is already active'),
  loggedInAlready: reply(503, '5.5.1', 'Already authenticated'),
  notInTransaction: reply(503, '5.5.1', 'Not possible during a mail transaction'),
  early: reply(554, '5.5.1', 'Client spoke before the greeting'),

  // ── login ──
  loginRequired: reply(530, '5.7.0', 'Authentication required'),
  tlsRequired: reply(530, '5.7.0', 'Must issue a STARTTLS command first'),
  // RFC 4954 §4: 504 for a mechanism that needs encryption; 538 is history (§6).
  loginNeedsTls: reply(504, '5.5.4', 'Encryption required for authentication'),
  unknownMechanism: reply(504, '5.5.4', 'Authentication mechanism is not offered'),
  loginCancelled: reply(501, '5.7.0', 'Authentication cancelled'),
  badBase64: reply(501, '5.5.2', 'Cannot decode the base64 text'),

  // ── addresses and parameters ──
  badSender: reply(553, '5.1.7', 'A sender needs a domain'),
  // RFC 6531 §3.5: 550 for a sender, 553 for a recipient.
  senderNeedsUtf8: reply(550, '5.6.7', 'Non-ASCII sender needs SMTPUTF8'),
  recipientNeedsUtf8: reply(553, '5.6.7', 'Non-ASCII recipient needs SMTPUTF8'),

  // ── the message ──
  messageTooBig: reply(552, '5.3.4', 'Message is too big for this server'),
  headerTooBig: reply(552, '5.3.4', 'Message header is too big for this server'),
  // RFC 5322 §4.1 ends the time of NUL in messages.
  nulInMessage: reply(554, '5.6.0', 'Message has a NUL octet'),
  messageLineTooLong: reply(554, '5.6.0', 'Message has a line that is too long'),
  // RFC 2852 §4: 555 where the server cannot do it for good; RFC 3463 §3.5: X.4.7 delivery time expired.
  tooSoon: reply(555, '5.4.7', 'No promise is made for so short a time'),
  mailLoop: reply(554, '5.4.6', 'Too many Received fields, this looks like a mail loop'),
} as const satisfies Readonly<Record<string, SmtpReply>>

/** `usage` in upper case with its arguments: `MAIL FROM:<address> [parameters]`. */
export function syntaxError(usage: string, expected: string, column: number): SmtpReply {
  return reply(501, '5.5.4', `Expected ${expected} at column ${column} of the arguments; syntax: ${usage}`)
}

/** A path that cannot be read: RFC 3463 has codes of its own for bad syntax of a sender (X.1.7) and a recipient (X.1.3). */
export function badPathSyntax(status: '5.1.7' | '5.1.3', usage: string, expected: string, column: number): SmtpReply {
  return { ...syntaxError(usage, expected, column), status }
}

/** RFC 5321 §4.1.1.11 */
export function unknownParameter(keyword: string): SmtpReply {
  return reply(555, '5.5.4', `Parameter ${keyword.slice(0, 40)} is not known here`)
}

export function badParameter(keyword: string, wish: string): SmtpReply {
  return reply(501, '5.5.4', `Parameter ${keyword.slice(0, 40)}: expected ${wish}`)
}

/** RFC 5321 §2.3.8 forbids bare CR and LF; the registry has no code of its own for it. */
export function bareNewlineInMessage(bare: 'CR' | 'LF'): SmtpReply {
  return reply(554, '5.6.0', `Message has a bare ${bare}; lines must end with CR LF`)
}

/** RFC 4954 §4: a response that the mechanism cannot read. */
export function malformedResponse(text: string): SmtpReply {
  return reply(501, '5.5.2', text)
}

export function challenge(text: string): SmtpReply {
  return { code: 334, text }
}

/** RFC 6710 §4.1: the sender is told when the priority is another one. */
export function priorityChanged(priority: number): SmtpReply {
  return reply(250, '2.3.6', `${priority} is the new priority assigned to the message`)
}

/** RFC 5321 §3.5.1: with the mailbox. */
export function verified(address: string): SmtpReply {
  return reply(250, '2.1.5', `<${address}>`)
}

export function chunkTaken(octets: number): SmtpReply {
  return reply(250, '2.0.0', `${octets} octets received`)
}

export function accepted(text: string, id: string): SmtpReply {
  return reply(250, '2.0.0', `${text} (${id})`)
}
