/** The commands of the host beside `serve`. */
import type { CliParts, OwnCommand } from '../command-base.js'
import { accountsCommands } from './accounts.js'
import { checkCommand } from './check.js'
import { domainCommands } from './domain.js'
import { explainCommand } from './explain.js'
import { initCommand } from './init.js'
import { queueCommands } from './queue/index.js'
import { replayCommand } from './replay/index.js'
import { tlsLsCommand, tlsReloadCommand } from './tls.js'
import { whyCommand } from './why/index.js'

export function ownCommands(parts: CliParts): readonly OwnCommand[] {
  const single = [initCommand, checkCommand, explainCommand, tlsLsCommand, tlsReloadCommand, replayCommand, whyCommand]
  return [
    ...single.map(make => make(parts)),
    ...accountsCommands(parts),
    ...domainCommands(parts),
    ...queueCommands(parts),
  ]
}
