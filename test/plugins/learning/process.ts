/** What a process that teaches has, for tests of the commands: its journal, its teacher, and `posthouse learn …`. */
import type { Clock, Table } from 'posthouse/api'
import { messageOf } from '../../../core/storage/message.js'
import { learnCommands } from '../../../plugins/learning/commands.js'
import { Journal } from '../../../plugins/learning/journal.js'
import { NO_MODEL } from '../../../plugins/learning/model.js'
import { Teacher } from '../../../plugins/learning/teacher.js'

export function processOf(table: Table, clock: Clock) {
  const journal = new Journal(table, clock)
  const teacher = new Teacher({ journal, model: NO_MODEL, clock })
  const commands = learnCommands({
    journal: () => journal,
    teacher: async () => teacher,
    model: async () => NO_MODEL,
    bounds: { untaught: { spam: 4, ham: 1 }, taught: { spam: 8, ham: 5 } },
    clock,
    messageOf,
    accounts: () => undefined,
    mail: () => undefined,
  })
  return { journal, teacher, commands }
}
