/**
 * Filing rules: which mailbox, flags and forwards the owner of a mailbox wants for mail that comes. Supplies the service `filing-rules`, which says what is
 * wanted; the delivery agent does it. Another plugin that knows another language of rules (Sieve) can take its place.
 */
import { definePlugin, type FilingRules } from 'posthouse/api'
import { filingCommands } from './commands.js'
import { Seen } from './conditions.js'
import { mayKeepNone, run } from './engine.js'
import { StoredRules } from './stored.js'
import { ruleInWords } from './words.js'

export default definePlugin({
  name: 'filing',
  summary: 'rules of mailbox owners: header, sender, list, size, spam → mailbox, flag, forward, discard',
  config: { type: 'object', additionalProperties: false, properties: {} },
  needs: ['accounts', 'tables'],
  supplies: ['filing-rules'],
  setup({ services, clock, bus, metrics }) {
    const stored = new StoredRules(services.get('tables').table('filing/rules'), clock, bus)
    const rules: FilingRules = {
      async actionsFor({ id }, mail) {
        const own = await stored.rulesOf(id)
        if (own.length === 0) return []
        const { actions } = run(own, new Seen(mail, await mail.header()))
        for (const { kind } of actions) metrics.count(`filing.${kind}`)
        return actions
      },
      mayKeepNone: async ({ id }) => (await stored.rulesOf(id)).some(mayKeepNone),
      describe: async ({ id }) => (await stored.rulesOf(id)).map(ruleInWords),
    }
    return {
      services: { 'filing-rules': rules },
      commands: filingCommands({ stored, accounts: services.get('accounts'), clock }),
      dispose: () => stored.close(),
    }
  },
})
