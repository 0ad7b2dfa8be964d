/** What the command line has to say of delivery to other servers. */
import type { CliParts, OwnCommand } from '../../command-base.js'
import type { LaneBook } from './book.js'
import { classifyCommand } from './classify.js'
import { deliveryExplainCommand } from './explain.js'
import { laneCommands } from './lanes.js'
import { resumeCommand } from './resume.js'

export function deliveryCommands(parts: CliParts, book: LaneBook): readonly OwnCommand[] {
  return [
    classifyCommand(),
    deliveryExplainCommand(parts, book),
    ...laneCommands(parts, book),
    resumeCommand(parts, book),
  ]
}
