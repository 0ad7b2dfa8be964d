/** HELP (RFC 5321 §4.1.1.8): what can be said here. Takes the list from the table, so it lives beside it and not in it. */
import type { SmtpReply } from '../../api/index.js'
import { type Bound, bind } from './command.js'

export function helpAbout(commands: ReadonlyMap<string, Bound>): Bound {
  return bind({
    verb: 'HELP',
    usage: 'HELP [command]',
    read: (argument: string) => ({ topic: argument.trim().toUpperCase() }),
    run(talk, { topic }): SmtpReply {
      const here = [...commands.values()].filter(
        one =>
          (one.protocol ?? talk.session.protocol) === talk.session.protocol &&
          !talk.deps.smtp.without.includes(one.verb) &&
          (!one.verb.startsWith('X') || talk.extensions.has(one.verb)),
      )
      const about = here.find(one => one.verb === topic)
      const { deps, session } = talk
      const added = [...deps.verbs].filter(([, verb]) => verb.available?.(session) ?? true).map(([name]) => name)
      const text =
        about === undefined
          ? `Commands: ${[...here.map(one => one.verb), ...added].join(' ')}`
          : `Syntax: ${about.usage}`
      return { code: 214, status: '2.0.0', text }
    },
  })
}
