/** What the command line has to say of delivery to other servers. */
import type { OwnCommand } from '../../command-base.js'
import { classifyCommand } from './classify.js'

export function deliveryCommands(): readonly OwnCommand[] {
  return [classifyCommand()]
}
