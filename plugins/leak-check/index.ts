/**
 * Stops people from mailing their own password: who has just logged in with it and now sends it, mostly answers a fraud. Only the session
 * that has sent the password is looked at; nothing of it is kept beyond, and it is never quoted or logged.
 */
import { type Answered, type Asked, definePlugin, hold, type Message, reject } from 'posthouse/api'
import { Beside, parseSize, printable } from 'posthouse/text'
import { type Probe, Prober, type SearchBounds } from './probe.js'
import { Sessions } from './sessions.js'

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    answer: {
      enum: ['reject', 'hold'],
      default: 'reject',
      description: 'refuse such a message (550 5.7.0), or hold what goes out of it for an admin',
    },
    text: {
      type: 'string',
      minLength: 1,
      maxLength: 300,
      default:
        'This message seems to hold the password you log in with. Nobody honest asks for it: please do not send it',
      description: 'what the sender is told',
    },
    most: {
      type: 'string',
      format: 'size',
      default: '1MB',
      description: 'so much text of a message is looked through',
    },
    except: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      default: [],
      description: 'logins that are not looked at',
    },
  },
} as const

export default definePlugin({
  name: 'leak-check',
  summary: 'refuses mail that holds the password of whoever sends it',
  config: CONFIG,
  setup({ config, metrics }) {
    const prober = new Prober()
    const sessions = new Sessions(prober)
    const bounds: SearchBounds = { maxBytes: parseSize(config.most)! }
    const except = new Set(config.except.map(login => login.toLowerCase()))
    /** Recipients are asked about one by one; a message is read once. */
    const searched = new Beside<Message, Promise<boolean>>()

    async function judge({ session, message }: Asked['message'], probe: Probe): Promise<Answered['message']> {
      const search = searched.get(message) ?? holds(message, prober, probe, bounds)
      searched.set(message, search)
      if (!(await search)) return undefined
      metrics.count('leak-check.found')
      const login = printable(session.account?.login ?? '', 100)
      const because = {
        rule: 'own-password',
        evidence: `${login} sends the password of this session in the text`,
        exception: `leak-check: with: { except: [${login}] }`,
      }
      return config.answer === 'hold'
        ? hold('leak check: may hold its sender’s password', because)
        : reject(config.text, { code: 550, status: '5.7.0', because })
    }

    return {
      hooks: {
        // Answers nothing: whether it is right is for others to say.
        auth: ({ peer, credentials }) => sessions.note(peer, credentials),
        message(asked) {
          const { account, id } = asked.session
          const probe = account === undefined || except.has(account.login.toLowerCase()) ? undefined : sessions.of(id)
          return probe === undefined ? undefined : judge(asked, probe)
        },
        disconnect: ({ session }) => sessions.forget(session.id),
      },
    }
  },
})

async function holds(message: Message, prober: Prober, probe: Probe, bounds: SearchBounds): Promise<boolean> {
  const { subject, body } = await message.text()
  return (await prober.found(probe, subject, bounds)) || (await prober.found(probe, body, bounds))
}
