/**
 * Submission rules (RFC 6409) for people who logged in: they write as themselves, in the envelope and in From, and what their mail program
 * forgot is added. Mail of strangers and of trusted networks is none of its business.
 */
import {
  type Account,
  type Answered,
  type Asked,
  type Because,
  ConfigError,
  definePlugin,
  type Envelope,
  type Message,
  reject,
} from 'posthouse/api'
import { type AddressParts, addressOfKey, Beside, formatAddress, printable } from 'posthouse/text'
import { type Authors, authorsOf } from './authors.js'
import { fieldsFor } from './fields.js'
import { readAliasTargets, readSendAs } from './files.js'
import { Ownership } from './ownership.js'

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    sender: {
      enum: ['own', 'any'],
      default: 'own',
      description: 'MAIL FROM of people who logged in: an address of theirs, or any',
    },
    from: { enum: ['own', 'any'], default: 'own', description: 'the same for the From field' },
    null_sender: {
      enum: ['allow', 'refuse'],
      default: 'allow',
      description: 'MAIL FROM:<> of people who logged in; read receipts need it, and From is looked at as ever',
    },
    may_send_as: {
      type: 'string',
      minLength: 1,
      default: 'send-as.yaml',
      description:
        'what accounts may send as beside their own addresses, seen from the config directory; may be missing',
    },
    aliases: {
      type: 'string',
      default: 'aliases.yaml',
      description: 'alias file of the mda: who gets mail of an alias may send as it; empty: not so',
    },
    separator: {
      type: 'string',
      maxLength: 1,
      default: '+',
      description: 'user+tag@ belongs to whom user@ belongs to; empty: no tags',
    },
    fix: {
      type: 'boolean',
      default: true,
      description: 'add From, Date, Message-ID and Sender where missing, remove Bcc and Return-Path',
    },
  },
} as const

export default definePlugin({
  name: 'submission',
  summary: 'people who logged in write as themselves; adds what their mail program forgot',
  config: CONFIG,
  async setup({ config, files, server, clock }) {
    const { sendAs, faults } = await readSendAs(files, config.may_send_as)
    if (faults.length > 0) throw new ConfigError(faults)
    const aliases = await readAliasTargets(files, config.aliases, server.domains)
    const ownership = new Ownership({ sendAs, aliases, separator: config.separator })
    const known = new Beside<Message, Authors>()
    const authors = (message: Message) => {
      const found = known.get(message) ?? authorsOf(message)
      known.set(message, found)
      return found
    }
    const file = config.may_send_as
    return {
      hooks: {
        mail({ session: { account }, envelope: { sender } }) {
          if (account === undefined) return undefined
          if (sender === null) return config.null_sender === 'refuse' ? nullRefused(account) : undefined
          if (config.sender === 'any' || ownership.owns(account, sender)) return undefined
          const named = formatAddress(sender)
          // RFC 6409 §6.1 has 550; mail programs know 553 as "that sender address", RFC 5321 §4.2.3.
          return reject(`You may not send as <${printable(named, 100)}>: it is not an address of your account`, {
            code: 553,
            status: '5.7.1',
            because: notOwned('sender-not-owned', account, named, file),
          })
        },
        message({ session: { account }, envelope, message }) {
          if (account === undefined || config.from === 'any') return undefined
          const found = authors(message)
          if (found.kind === 'none' && config.fix && ownAddress(account, envelope) !== undefined) return undefined
          return judgeFrom(account, found, ownership, file)
        },
        ...(config.fix && {
          headers({ session: { account }, envelope, message }: Asked['headers']) {
            if (account === undefined) return undefined
            return fieldsFor(message, authors(message), {
              id: envelope.id,
              serverName: server.name,
              now: clock.now(),
              owns: address => ownership.owns(account, address),
              ownAddress: ownAddress(account, envelope),
            })
          },
        }),
      },
    }

    /** What stands for the person: the sender of the envelope, or else the account's first address. */
    function ownAddress(account: Account, { sender }: Envelope): AddressParts | undefined {
      if (sender !== null && ownership.owns(account, sender)) return sender
      return addressOfKey(account.addresses[0] ?? '')
    }
  },
})

function judgeFrom(account: Account, authors: Authors, ownership: Ownership, file: string): Answered['message'] {
  if (authors.kind !== 'authors') {
    const text = authors.kind === 'none' ? 'The message has no From field' : authors.text
    // RFC 6409 §6.3: 554 for what is wrong in the data itself.
    const because = { rule: 'from-wrong', evidence: text, exception: 'submission: with: { from: any }' }
    return reject(text, { code: 554, status: '5.6.0', because })
  }
  const other = authors.addresses.find(address => !ownership.owns(account, address))
  if (other === undefined) return undefined
  const named = formatAddress(other)
  // RFC 6409 §6.3: 550 for what the user may not.
  return reject(`From may not name <${printable(named, 100)}>: it is not an address of your account`, {
    code: 550,
    status: '5.7.1',
    because: notOwned('from-not-owned', account, named, file),
  })
}

/** RFC 6409 §3.2 does not want it refused for itself: the admin has asked for it. */
function nullRefused({ login }: Account): Answered['mail'] {
  return reject('Mail from nobody is not taken here: give an address of your account', {
    code: 550,
    status: '5.7.1',
    because: {
      rule: 'null-sender',
      evidence: `${printable(login, 100)} sends from <>`,
      exception: 'submission: with: { null_sender: allow }',
    },
  })
}

function notOwned(rule: string, { login }: Account, address: string, file: string): Because {
  const who = printable(login, 100)
  const what = printable(address, 100)
  return { rule, evidence: `${who} sends as ${what}`, exception: `${file}: ${who}: [${what}]` }
}
