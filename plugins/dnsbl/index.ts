/**
 * Lists in the name service, against (DNSBL, RHSBL, URIBL) and for (DNSWL) a client and its mail. Lists of clients are asked when one
 * connects and nobody waits for them then; what they say together is answered at `answer_at`: at RCPT, so that people who log in and mail
 * for postmaster get through, and the log names the recipient. What a message holds is asked about when it has come, and is points only.
 */
import { ConfigError, definePlugin } from 'posthouse/api'
import { Clients } from './clients.js'
import { dnsblCommands } from './commands.js'
import { CONFIG, faultsIn, termsOf } from './config.js'
import { Messages } from './messages.js'
import { Watch } from './watch.js'
import { findingsOf } from './weigh.js'

export default definePlugin({
  name: 'dnsbl',
  summary: 'lists in the name service: of addresses, domains, links and mail addresses',
  config: CONFIG,
  needs: ['state'],
  supplies: ['list-hits'],
  async setup({ config, fault, files, server, dns, state, clock, log, metrics, bus, services, signal, purpose }) {
    const faults = faultsIn(config, fault)
    if (faults.length > 0) throw new ConfigError(faults)
    const terms = termsOf(config, await files.shippedNames('shorteners'))
    const notifier = services.find('notifier')
    const watch = new Watch({ terms, dns, state, clock, log, metrics, bus, notifier, signal })
    if (purpose === 'serve') watch.start()
    const parts = { terms, dns, log, metrics, readiness: watch.readiness }
    const clients = new Clients(parts)
    const mailAuth = () => services.find('mail-auth')
    const localList = () => services.find('local-list')
    const messages = new Messages({ ...parts, clients, server, mailAuth, localList })
    return {
      labels: ['dnsbl-listed', 'dnswl-listed'],
      services: { 'list-hits': messages },
      commands: dnsblCommands(terms, dns, state, clock),
      hooks: {
        connect({ session }, call) {
          const heard = clients.heard(session, call)
          return terms.answerAt === 'connect' ? clients.answer(session, heard) : undefined
        },
        rcpt: ({ session, recipient }, call) =>
          terms.answerAt === 'rcpt' && !terms.spares(recipient.address)
            ? clients.answer(session, clients.heard(session, call))
            : undefined,
        async score(asked, call) {
          const weighed = terms.score ? await messages.weighed(asked, call) : undefined
          return weighed && findingsOf(weighed, terms.cap)
        },
      },
      started() {
        const deaf = terms.lists.filter(({ kind, holds }) => kind === 'allow' && holds === 'domains')
        if (deaf.length > 0 && mailAuth() === undefined)
          log.warn(
            { lists: deaf.map(({ name }) => name) },
            'nothing proves names to these lists: mail-auth is not used',
          )
      },
      dispose: () => watch.end(),
    }
  },
})
