/** All that can be done to the queue from the command line. */
import type { CliParts, OwnCommand } from '../../command-base.js'
import { queueAuditCommand, queueBrokenCommand } from './audit.js'
import { queueChangeCommands } from './change.js'
import { queueLsCommand } from './ls.js'
import { queueRuleCommands } from './rules.js'
import { queueShapeCommand, queueTopCommand } from './shape.js'
import { queueShowCommand } from './show.js'

export function queueCommands(parts: CliParts): readonly OwnCommand[] {
  return [
    queueLsCommand(parts),
    queueShowCommand(parts),
    ...queueChangeCommands(parts),
    queueShapeCommand(parts),
    queueTopCommand(parts),
    ...queueRuleCommands(parts),
    queueAuditCommand(parts),
    queueBrokenCommand(parts),
  ]
}
